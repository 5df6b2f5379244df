// SPDX-License-Identifier: MIT
// Who may ask. With a token: a bearer of it, or of the cookie that POST /login gives for it. Without: only this machine, by its loopback names, so
// that a page from elsewhere that points a name of its own at 127.0.0.1 gets nothing.
#pragma once

#include <libsoup/soup.h>

#include <string>

namespace sta::monitor {

class Auth {
 public:
  explicit Auth(std::string token);
  bool allowed(SoupServerMessage *message) const;
  // A change that a browser was led into by another site: its Origin is not the host that it speaks to.
  static bool foreign(SoupServerMessage *message);
  bool login(const std::string &token) const { return equal(token, token_); }
  std::string cookie() const;  // the value of Set-Cookie
  bool needed() const { return !token_.empty(); }

 private:
  // Takes the same time for any two texts.
  static bool equal(const std::string &a, const std::string &b);
  std::string token_, session_;  // the session's secret is new with each start
};

}  // namespace sta::monitor
