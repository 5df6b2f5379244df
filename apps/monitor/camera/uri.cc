// SPDX-License-Identifier: MIT
#include "monitor/camera/uri.h"

#include <glib.h>

#include <algorithm>
#include <array>

namespace sta::monitor {
namespace {

std::string decoded(const std::string &text) {
  char *plain = g_uri_unescape_string(text.c_str(), nullptr);
  std::string result = plain ? plain : text;
  g_free(plain);
  return result;
}

void replaceAll(std::string &text, const std::string &what, const std::string &by) {
  if (what.empty()) return;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) text.replace(at, what.size(), by);
}

}  // namespace

std::string uriScheme(const std::string &uri) {
  const std::size_t colon = uri.find(':');
  if (colon == std::string::npos || colon == 0) return "";
  std::string scheme = uri.substr(0, colon);
  for (char &c : scheme) {
    if (!g_ascii_isalnum(c) && c != '+' && c != '-' && c != '.') return "";
    c = g_ascii_tolower(c);
  }
  return scheme;
}

SplitUri splitUri(const std::string &uri) {
  SplitUri split{uri, "", "", ""};
  const std::size_t start = uri.find("://");
  if (start == std::string::npos) return split;
  const std::string scheme = uriScheme(uri);
  if (scheme == "file" || scheme == "test" || scheme == "v4l2") return split;
  const std::size_t begin = start + 3, end = std::min(uri.find_first_of("/?#", begin), uri.size());
  const std::string authority = uri.substr(begin, end - begin);
  const std::size_t at = authority.rfind('@');
  if (at == std::string::npos) {
    // "user:pa/ss@host": the slash would make "user" the host and show half of the password. An '@' further on in the
    // path is harmless if there is no ':' before the path.
    const std::size_t colon = authority.rfind(':');
    // If an '@' comes later, the digits behind the ':' are the beginning of a password and no port.
    const bool port =
        (colon == std::string::npos || authority.find_first_not_of("0123456789", colon + 1) == std::string::npos || authority.back() == ']') &&
        (colon == std::string::npos || authority.back() == ']' || uri.find('@', end) == std::string::npos);
    if (!port) split.error = "has something behind the host that is no port; a '/', '?' or '#' in a password is written %2F, %3F or %23";
    return split;
  }
  const std::string user_info = authority.substr(0, at);
  const std::size_t colon = user_info.find(':');
  split.user = decoded(user_info.substr(0, colon));
  if (colon != std::string::npos) split.password = decoded(user_info.substr(colon + 1));
  split.uri = uri.substr(0, begin) + authority.substr(at + 1) + uri.substr(end);
  return split;
}

std::string hostOf(const std::string &uri) {
  const std::size_t start = uri.find("://");
  if (start == std::string::npos) return "";
  const std::size_t begin = start + 3;
  return uri.substr(begin, std::min(uri.find_first_of("/?#", begin), uri.size()) - begin);
}

std::string displayUri(const std::string &uri) {
  static constexpr std::array kTelling = {"password", "passwd", "pass", "pwd", "token", "secret", "key", "auth", "user", "usr"};
  std::string shown;
  bool query = false;
  // Looks for key=value between any of the separators that such addresses use. '/' does not end a value in a query, and
  // '_' ends one only if another key follows.
  for (std::size_t at = 0; at < uri.size();) {
    std::size_t end = std::min(uri.find_first_of(query ? "&;#_" : "/?&;#_", at), uri.size());
    while (end < uri.size() && uri[end] == '_' && uri.substr(at, end - at).find('=') != std::string::npos) {
      const std::size_t next = std::min(uri.find_first_of(query ? "&;#_" : "/?&;#_", end + 1), uri.size());
      if (uri.substr(end, next - end).find('=') != std::string::npos && uri[next - 1] != '=') break;
      end = next;
    }
    query = query || (end < uri.size() && uri[end] == '?');
    std::string part = uri.substr(at, end - at);
    if (const std::size_t equals = part.find('='); equals != std::string::npos) {
      std::string name = part.substr(0, equals);
      std::transform(name.begin(), name.end(), name.begin(), [](char c) { return g_ascii_tolower(c); });
      for (const char *telling : kTelling)
        if (name.find(telling) != std::string::npos) part = part.substr(0, equals + 1) + "***";
    }
    shown += part;
    if (end < uri.size()) shown += uri[end];
    at = end + 1;
  }
  return shown;
}

std::string withoutSecrets(std::string text, const CameraSettings &camera) {
  replaceAll(text, camera.uri, displayUri(camera.uri));
  if (!camera.password.empty()) {
    char *escaped = g_uri_escape_string(camera.password.c_str(), nullptr, FALSE);
    replaceAll(text, escaped, "***");
    g_free(escaped);
    replaceAll(text, camera.password, "***");
  }
  return text;
}

}  // namespace sta::monitor
