// SPDX-License-Identifier: MIT
// The file's section `fleet`.
#include <gtest/gtest.h>

#include "support.h"

namespace sta::monitor {
namespace {

TEST(ReaderFleet, IsReadCompletely) {
  const Variable password("FLEET_TEST_PASSWORD", "hunter2");
  const ReadResult result = readText(
      "fleet: { url: \"tls://a.example.org,b.example.org:4333\", name: gate-1, capacity: 24, on-partition: keep, user: sta, "
      "password: \"${FLEET_TEST_PASSWORD}\", credentials: sta.creds, ca-file: /etc/ca.pem, replicas: 3 }\n");
  ASSERT_TRUE(result.errors.empty()) << joined(result.errors);
  const fleet::FleetSettings &fleet = result.settings.fleet;
  EXPECT_EQ(fleet.nats.servers, (std::vector<std::string>{"tls://a.example.org", "tls://b.example.org:4333"}));
  EXPECT_EQ(fleet.name, "gate-1");
  EXPECT_EQ(fleet.capacity, 24);
  EXPECT_EQ(fleet.on_partition, fleet::OnPartition::kKeep);
  EXPECT_EQ(fleet.nats.user, "sta");
  EXPECT_EQ(fleet.nats.password, "hunter2");
  EXPECT_EQ(fleet.nats.credentials_file, "/srv/sta/sta.creds");
  EXPECT_EQ(fleet.nats.ca_file, "/etc/ca.pem");
  EXPECT_EQ(fleet.nats.replicas, 3);
}

TEST(ReaderFleet, WithoutItThereIsNone) {
  const ReadResult result = readText("http: {}\n");
  EXPECT_TRUE(result.settings.fleet.nats.servers.empty());
  EXPECT_EQ(result.settings.fleet, fleet::FleetSettings{});
}

TEST(ReaderFleet, SaysWhatIsWrong) {
  const std::pair<const char *, const char *> cases[] = {
      {"fleet: {}\n", "url is missing: nats://HOST:PORT"},
      {"fleet: { url: \"127.0.0.1:4222\" }\n", "should be nats://HOST:PORT or tls://HOST:PORT"},
      {"fleet: { url: \"mqtt://127.0.0.1\" }\n", "should be nats://HOST:PORT or tls://HOST:PORT"},
      {"fleet: { url: \"nats://a/b\" }\n", "should be nats://HOST:PORT or tls://HOST:PORT"},
      {"fleet: { url: \"nats://sta:hunter2@a\" }\n", "should have no user and no password in it"},
      {"fleet: { url: \"nats://a\", name: \"a.b\" }\n", "name should have 1 to 64 letters"},
      {"fleet: { url: \"nats://a\", capacity: 0 }\n", "capacity should be a whole number from 1"},
      {"fleet: { url: \"nats://a\", on-partition: both }\n", "on-partition should be stop"},
      {"fleet: { url: \"nats://a\", on-partion: keep }\n", "did you mean \"on-partition\"?"},
  };
  for (const auto &[text, part] : cases) {
    const std::string errors = joined(readText(text).errors);
    EXPECT_NE(errors.find(part), std::string::npos) << text << errors;
    EXPECT_EQ(errors.find("hunter2"), std::string::npos) << errors;
  }
}

TEST(ReaderFleet, ImportanceOfACamera) {
  EXPECT_TRUE(readText("cameras: { a: { uri: \"test://ball\", watch: [ camera-watch ], importance: 80 } }\n").errors.empty());
  EXPECT_FALSE(readText("cameras: { a: { uri: \"test://ball\", watch: [ camera-watch ], importance: 101 } }\n").errors.empty());
}

}  // namespace
}  // namespace sta::monitor
