// SPDX-License-Identifier: MIT
// Who may ask the server. With a token: requests that carry it as bearer token, or that carry the cookie which POST
// /login gives for it. Without a token: only this machine, by its loopback names. So a foreign page cannot reach the
// server by a name of its own that points at 127.0.0.1.
#pragma once

#include <libsoup/soup.h>

#include <string>

namespace sta::monitor {

class Auth {
 public:
  // `salt` is random and kept: sessions survive a restart, and end when the token changes.
  Auth(std::string token, const std::string &salt);
  bool allowed(SoupServerMessage *message) const;
  // Whether another site led the browser into this request: its Origin is not the host that it speaks to.
  static bool foreign(SoupServerMessage *message);
  bool login(const std::string &token) const { return equal(token, token_); }
  // The value of Set-Cookie. If the browser spoke TLS to a proxy, it will send the cookie over TLS only.
  std::string cookie(SoupServerMessage *message) const;
  bool needed() const { return !token_.empty(); }

 private:
  // Takes the same time for any two texts.
  static bool equal(const std::string &a, const std::string &b);
  std::string token_, session_;
};

}  // namespace sta::monitor
