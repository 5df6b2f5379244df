// SPDX-License-Identifier: MIT
// Where NATS is and who this program is there, as people write it. It needs no libnats.
#pragma once

#include <string>
#include <vector>

namespace sta::monitor::fleet {

struct NatsOptions {
  std::vector<std::string> servers;  // nats://HOST:PORT or tls://HOST:PORT
  std::string user, password;
  std::string credentials_file, ca_file;
  std::string name;  // of this client, for people who look at the server
  int replicas = 0;  // of the buckets; 0: three in a cluster, else one
  bool operator==(const NatsOptions &) const = default;
};

// Reads "nats://HOST[:PORT][,HOST…]". On an error the list is empty, and `error` says what would be right.
std::vector<std::string> readServers(const std::string &text, std::string &error);
// STA_FLEET_USER, STA_FLEET_PASSWORD, STA_FLEET_CREDENTIALS and STA_FLEET_CA, where nothing else was said.
void fillFromEnvironment(NatsOptions &options);
// "127.0.0.1:4222, …" for people.
std::string displayServers(const NatsOptions &options);

}  // namespace sta::monitor::fleet
