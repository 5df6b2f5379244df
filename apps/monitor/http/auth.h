// SPDX-License-Identifier: MIT
// Who may ask. With a token: a bearer of it, or of the cookie that POST /login gives for it. Without: only this
// machine, by its loopback names, so that a page from elsewhere that points a name of its own at 127.0.0.1 gets
// nothing.
#pragma once

#include <libsoup/soup.h>

#include <string>

namespace sta::monitor {

class Auth {
 public:
  // `salt` is random and kept: sessions outlive a restart, and end when the token changes.
  Auth(std::string token, const std::string &salt);
  bool allowed(SoupServerMessage *message) const;
  // A change that a browser was led into by another site: its Origin is not the host that it speaks to.
  static bool foreign(SoupServerMessage *message);
  bool login(const std::string &token) const { return equal(token, token_); }
  // The value of Set-Cookie. Behind a proxy that was asked over TLS, browsers are told to send it over TLS alone.
  std::string cookie(SoupServerMessage *message) const;
  bool needed() const { return !token_.empty(); }

 private:
  // Takes the same time for any two texts.
  static bool equal(const std::string &a, const std::string &b);
  std::string token_, session_;
};

}  // namespace sta::monitor
