// SPDX-License-Identifier: MIT
// Tests addresses of cameras. User and password are removed before anybody sees them, and the shown text reveals no
// secrets.
#include "monitor/camera/uri.h"

#include <gtest/gtest.h>

namespace sta::monitor {
namespace {

struct Split {
  const char *whole, *uri, *user, *password;
};

void expectSplit(const Split &want) {
  const SplitUri split = splitUri(want.whole);
  EXPECT_EQ(split.error, "") << want.whole;
  EXPECT_EQ(split.uri, want.uri) << want.whole;
  EXPECT_EQ(split.user, want.user) << want.whole;
  EXPECT_EQ(split.password, want.password) << want.whole;
}

TEST(SplitUri, TakesUserAndPasswordOut) {
  for (const Split &want : {
           Split{"rtsp://192.0.2.10/stream2", "rtsp://192.0.2.10/stream2", "", ""},
           Split{"rtsp://192.0.2.10", "rtsp://192.0.2.10", "", ""},
           Split{"rtsp://admin:secret@192.0.2.10:554/stream2", "rtsp://192.0.2.10:554/stream2", "admin", "secret"},
           Split{"rtsps://admin:secret@cam.example", "rtsps://cam.example", "admin", "secret"},
           Split{"RTSP://admin:secret@cam.example/x", "RTSP://cam.example/x", "admin", "secret"},
           Split{"http://admin@cam.example/video.mjpg?x=1#f", "http://cam.example/video.mjpg?x=1#f", "admin", ""},
           Split{"https://:secret@cam.example?x=1", "https://cam.example?x=1", "", "secret"},
           Split{"rtsp://admin:@cam.example/", "rtsp://cam.example/", "admin", ""},
           Split{"mqtts://sta:pw@broker.example:8883", "mqtts://broker.example:8883", "sta", "pw"},
       })
    expectSplit(want);
}

TEST(SplitUri, PasswordsMayHoldNearlyAnything) {
  for (const Split &want : {
           Split{"rtsp://u:p@ss@h/x", "rtsp://h/x", "u", "p@ss"},
           Split{"rtsp://u:p:a:ss@h:554/x", "rtsp://h:554/x", "u", "p:a:ss"},
           Split{"rtsp://u:@:@@h/x", "rtsp://h/x", "u", "@:@"},
           Split{"rtsp://u%40home:p%2Fa%3Fs%23s@h/x", "rtsp://h/x", "u@home", "p/a?s#s"},
           Split{"rtsp://u:100%25@h/x", "rtsp://h/x", "u", "100%"},
           Split{"rtsp://u:p%C3%A4ss@h/x", "rtsp://h/x", "u", "p\xC3\xA4ss"},
           Split{"rtsp://u:100%@h/x", "rtsp://h/x", "u", "100%"},  // no code of anything: it stays as it is
           Split{"rtsp://u:50%zz@h/x", "rtsp://h/x", "u", "50%zz"},
           Split{"rtsp://u:a b&c=d;e!*'()@h/x", "rtsp://h/x", "u", "a b&c=d;e!*'()"},
       })
    expectSplit(want);
}

TEST(SplitUri, Ipv6) {
  for (const Split &want : {
           Split{"rtsp://[2001:db8::1]/x", "rtsp://[2001:db8::1]/x", "", ""},
           Split{"rtsp://[2001:db8::1]:8554/x", "rtsp://[2001:db8::1]:8554/x", "", ""},
           Split{"rtsp://[2001:db8::1]", "rtsp://[2001:db8::1]", "", ""},
           Split{"rtsp://u:p@[2001:db8::1]:8554/x", "rtsp://[2001:db8::1]:8554/x", "u", "p"},
           Split{"rtsp://u:p:q@[fe80::1%25eth0]/x", "rtsp://[fe80::1%25eth0]/x", "u", "p:q"},
       })
    expectSplit(want);
}

TEST(SplitUri, AnAtSignInAPathIsNoUser) {
  for (const Split &want : {
           Split{"rtsp://cam.example/live@home", "rtsp://cam.example/live@home", "", ""},
           Split{"http://cam.example?to=a@b.example", "http://cam.example?to=a@b.example", "", ""},
           Split{"rtsp://u:p@cam.example/live@home", "rtsp://cam.example/live@home", "u", "p"},
           Split{"file:///srv/clips/a@b.mp4", "file:///srv/clips/a@b.mp4", "", ""},
           Split{"file://user:x@host/a.mp4", "file://user:x@host/a.mp4", "", ""},
           Split{"test://ball", "test://ball", "", ""},
           Split{"v4l2:///dev/video0", "v4l2:///dev/video0", "", ""},
           Split{"/srv/a:b@c.mp4", "/srv/a:b@c.mp4", "", ""},
           Split{"", "", "", ""},
       })
    expectSplit(want);
}

// If somebody forgets to write %2F, there is an error, and the error repeats no part of the address.
TEST(SplitUri, ASeparatorInAPasswordIsAnErrorThatTellsNothing) {
  for (const char *uri : {"rtsp://admin:hun/ter2@192.0.2.10/x", "rtsp://admin:hun?ter2@192.0.2.10/x", "rtsp://admin:hun#ter2@192.0.2.10",
                          "rtsp://admin:hunter2/@192.0.2.10/x", "https://a:b:hun/ter2@h"}) {
    const std::string error = splitUri(uri).error;
    EXPECT_NE(error.find("%2F"), std::string::npos) << uri;
    for (const char *secret : {"hun", "ter2", "admin", "192.0.2.10"}) EXPECT_EQ(error.find(secret), std::string::npos) << uri << ": " << error;
  }
}

// The text before the separator looks like a port then; the '@' behind it shows that it is not.
TEST(SplitUri, APasswordThatBeginsLikeAPortIsAnErrorToo) {
  for (const char *uri : {"rtsp://admin:/hunter2@192.0.2.10/x", "rtsp://admin:1234/hunter2@192.0.2.10/x", "rtsp://admin:2024?hunter2@192.0.2.10/x",
                          "rtsp://admin:7#hunter2@192.0.2.10/x"})
    EXPECT_NE(splitUri(uri).error, "") << uri << ": this would be shown: " << displayUri(splitUri(uri).uri);
}

TEST(SplitUri, NothingOfTheSecretStays) {
  for (const char *user : {"admin", "a%40b", "a.b-c"})
    for (const char *password : {"hunter2", "hunter2@", "@hunter2", ":hunter2:", "hunter2%2Fx", "x@hunter2@y"})
      for (const char *host : {"h", "h:554", "[::1]", "[::1]:554", "192.0.2.1"})
        for (const char *rest : {"", "/", "/x/y", "?q=1", "/x?q=a@b", "#f"}) {
          const SplitUri split = splitUri(std::string("rtsp://") + user + ":" + password + "@" + host + rest);
          EXPECT_EQ(split.uri, std::string("rtsp://") + host + rest);
          EXPECT_NE(split.password.find("hunter2"), std::string::npos);
        }
}

TEST(UriScheme, IsLowerCaseOrNothing) {
  EXPECT_EQ(uriScheme("rtsp://h"), "rtsp");
  EXPECT_EQ(uriScheme("RTSP://h"), "rtsp");
  EXPECT_EQ(uriScheme("a+b-c.d:x"), "a+b-c.d");
  for (const char *none : {"", "/srv/a.mp4", "clips/a.mp4", "://h", ":x", "a b://h", "clips/a:b.mp4", "./a:b"})
    EXPECT_EQ(uriScheme(none), "") << none;
}

TEST(HostOf, IsHostAndPort) {
  EXPECT_EQ(hostOf("rtsp://192.0.2.10:554/live"), "192.0.2.10:554");
  EXPECT_EQ(hostOf("rtsp://cam.example"), "cam.example");
  EXPECT_EQ(hostOf("http://[::1]:80?x=/"), "[::1]:80");
  EXPECT_EQ(hostOf("http://h#f"), "h");
  EXPECT_EQ(hostOf("/srv/a.mp4"), "");
}

TEST(DisplayUri, HidesValuesOfTellingKeys) {
  const std::pair<const char *, const char *> cases[] = {
      {"rtsp://h:554/stream2", "rtsp://h:554/stream2"},
      {"http://h/v.cgi?user=admin&pwd=hunter2&rate=0", "http://h/v.cgi?user=***&pwd=***&rate=0"},
      {"http://h/v.cgi?PASSWORD=hunter2", "http://h/v.cgi?PASSWORD=***"},
      {"rtsp://h/user=admin&password=hunter2&channel=1&stream=0.sdp?", "rtsp://h/user=***&password=***&channel=1&stream=0.sdp?"},
      {"rtsp://h/user=admin_password=hunter2_channel=1_stream=0.sdp", "rtsp://h/user=***_password=***_channel=1_stream=0.sdp"},
      {"http://h/x?access_token=hunter2#t=5", "http://h/x?access_token=***#t=5"},
      {"http://h/x?apikey=hunter2;size=1", "http://h/x?apikey=***;size=1"},
      {"http://h/x?password=hunter2==", "http://h/x?password=***"},
      {"http://h/x?password=", "http://h/x?password=***"},
      {"", ""},
  };
  for (const auto &[uri, want] : cases) EXPECT_EQ(displayUri(uri), want);
}

// '_' and '/' separate keys in some addresses. But they are also parts of passwords and tokens (base64).
TEST(DisplayUri, HidesAValueToItsEnd) {
  for (const char *uri : {"http://h/v.cgi?user=admin&password=my_hunter2", "http://h/v.cgi?password=my_hunter2&rate=0",
                          "rtsp://h/user=admin_password=my_hunter2_channel=1_stream=0.sdp", "http://h/x?token=ab/hunter2",
                          "http://h/x?token=a_b_hunter2_c", "http://h/x?a=1&token=ab/hunter2==&b=2"})
    EXPECT_EQ(displayUri(uri).find("hunter2"), std::string::npos) << displayUri(uri);
}

CameraSettings camera(const std::string &uri) {
  CameraSettings settings;
  const SplitUri split = splitUri(uri);
  settings.uri = split.uri;
  settings.user = split.user;
  settings.password = split.password;
  return settings;
}

TEST(WithoutSecrets, HidesThePasswordHoweverItIsWritten) {
  const CameraSettings settings = camera("rtsp://admin:p%40ss%2Fword@h/x");
  ASSERT_EQ(settings.password, "p@ss/word");
  EXPECT_EQ(withoutSecrets("cannot open rtsp://admin:p@ss/word@h/x (p@ss/word)", settings), "cannot open rtsp://admin:***@h/x (***)");
  EXPECT_EQ(withoutSecrets("cannot open rtsp://admin:p%40ss%2Fword@h/x", settings), "cannot open rtsp://admin:***@h/x");
}

TEST(WithoutSecrets, HidesWhatTheAddressTells) {
  const CameraSettings settings = camera("http://h/v.cgi?user=admin&pwd=hunter2");
  EXPECT_EQ(withoutSecrets("no http://h/v.cgi?user=admin&pwd=hunter2, none", settings), "no http://h/v.cgi?user=***&pwd=***, none");
}

TEST(WithoutSecrets, LeavesOtherTextAlone) {
  EXPECT_EQ(withoutSecrets("Could not connect to server", camera("rtsp://admin:secret@h/x")), "Could not connect to server");
  EXPECT_EQ(withoutSecrets("Could not connect", CameraSettings{}), "Could not connect");
  EXPECT_EQ(withoutSecrets("", camera("rtsp://admin:secret@h/x")), "");
}

TEST(WithoutSecrets, EndsForPasswordsThatTheirReplacementHolds) {
  EXPECT_EQ(withoutSecrets("a*b", camera("rtsp://u:*@h")), "a***b");
  EXPECT_EQ(withoutSecrets("a***b", camera("rtsp://u:***@h")), "a***b");
}

}  // namespace
}  // namespace sta::monitor
