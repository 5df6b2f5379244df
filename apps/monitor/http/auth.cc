// SPDX-License-Identifier: MIT
#include "monitor/http/auth.h"

namespace sta::monitor {
namespace {

std::string sha256(const std::string &text) {
  char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, reinterpret_cast<const guchar *>(text.data()), text.size());
  const std::string result = sum;
  g_free(sum);
  return result;
}

std::string header(SoupServerMessage *message, const char *name) {
  const char *value = soup_message_headers_get_one(soup_server_message_get_request_headers(message), name);
  return value ? value : "";
}

// Removes the port from "host:port" or "[address]:port".
std::string hostOf(const std::string &authority) {
  if (!authority.empty() && authority.front() == '[') return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

constexpr const char *kCookie = "sta_session";

}  // namespace

Auth::Auth(std::string token, const std::string &salt) : token_(std::move(token)), session_(sha256(salt + "\n" + token_)) {}

bool Auth::equal(const std::string &a, const std::string &b) {
  // The texts may have different lengths, so this compares their checksums, which always have the same length.
  const std::string x = sha256(a), y = sha256(b);
  unsigned difference = 0;
  for (std::size_t i = 0; i < x.size(); ++i) difference |= static_cast<unsigned>(x[i] ^ y[i]);
  return difference == 0;
}

bool Auth::allowed(SoupServerMessage *message) const {
  if (!needed()) {
    const std::string host = hostOf(header(message, "Host"));
    return host.empty() || host == "localhost" || host == "[::1]" || (host.starts_with("127.") && g_hostname_is_ip_address(host.c_str()));
  }
  const std::string authorization = header(message, "Authorization");
  if (g_ascii_strncasecmp(authorization.c_str(), "Bearer ", 7) == 0 && equal(authorization.substr(7), token_)) return true;
  const std::string cookies = header(message, "Cookie"), name = std::string(kCookie) + "=";
  for (std::size_t at = 0; at < cookies.size();) {
    std::size_t end = cookies.find(';', at);
    if (end == std::string::npos) end = cookies.size();
    while (at < end && cookies[at] == ' ') ++at;
    const std::string part = cookies.substr(at, end - at);
    if (part.starts_with(name) && equal(part.substr(name.size()), session_)) return true;
    at = end + 1;
  }
  return false;
}

bool Auth::foreign(SoupServerMessage *message) {
  const std::string origin = header(message, "Origin");
  if (origin.empty()) return false;
  const std::size_t start = origin.find("://");
  return start == std::string::npos || origin.substr(start + 3) != header(message, "Host");
}

std::string Auth::cookie(SoupServerMessage *message) const {
  const bool tls = header(message, "X-Forwarded-Proto") == "https";
  return std::string(kCookie) + "=" + session_ + "; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000" + (tls ? "; Secure" : "");
}

}  // namespace sta::monitor
