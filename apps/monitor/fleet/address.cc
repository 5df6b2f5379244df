// SPDX-License-Identifier: MIT
#include "monitor/fleet/address.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace sta::monitor::fleet {
namespace {

// Without user and password, which a URL may have before an '@'.
std::string hostAndPort(const std::string &url) {
  std::string rest = url.substr(std::min(url.size(), url.find("://") == std::string::npos ? 0 : url.find("://") + 3));
  if (const std::size_t at = rest.rfind('@'); at != std::string::npos) rest = rest.substr(at + 1);
  return rest;
}

}  // namespace

std::vector<std::string> readServers(const std::string &text, std::string &error) {
  std::vector<std::string> servers;
  std::string scheme;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    if (part.starts_with("nats://") || part.starts_with("tls://"))
      scheme = part.substr(0, part.find("://") + 3);
    else if (part.find("://") == std::string::npos && !scheme.empty())
      part = scheme + part;
    const std::string host = hostAndPort(part);
    const bool named = part.starts_with("nats://") || part.starts_with("tls://");
    if (!named || host.empty() || host.find_first_of("/ ?#") != std::string::npos || host.front() == ':') {
      error = "a fleet's address should be nats://HOST:PORT or tls://HOST:PORT, more of them behind commas";
      return {};
    }
    if (part.find('@') != std::string::npos) {
      error =
          "a fleet's address should have no user and no password in it; set STA_FLEET_USER and STA_FLEET_PASSWORD, or user: and password: in the "
          "file";
      return {};
    }
    servers.push_back(part);
  }
  if (servers.empty()) error = "a fleet's address is missing: nats://HOST:PORT, more of them behind commas";
  return servers;
}

void fillFromEnvironment(NatsOptions &options) {
  const auto fill = [](std::string &value, const char *name) {
    const char *set = std::getenv(name);
    if (value.empty() && set) value = set;
  };
  fill(options.user, "STA_FLEET_USER");
  fill(options.password, "STA_FLEET_PASSWORD");
  fill(options.credentials_file, "STA_FLEET_CREDENTIALS");
  fill(options.ca_file, "STA_FLEET_CA");
}

std::string displayServers(const NatsOptions &options) {
  std::string all;
  for (const std::string &server : options.servers) all += (all.empty() ? "" : ", ") + hostAndPort(server);
  return all;
}

}  // namespace sta::monitor::fleet
