// SPDX-License-Identifier: MIT
// Tests who may use the server: bearers of the token, holders of its cookie, and without a token only this machine,
// whatever name a browser was given for it.
#include "monitor/http/auth.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

namespace sta::monitor {
namespace {

// A server on the loopback interface that answers as `answer` says, and requests with the given headers.
class AuthTest : public testing::Test {
 protected:
  AuthTest() {
    context_ = g_main_context_new();
    loop_ = g_main_loop_new(context_, FALSE);
    g_main_context_push_thread_default(context_);
    server_ = soup_server_new(nullptr, nullptr);
    soup_server_add_handler(
        server_, nullptr,
        [](SoupServer *, SoupServerMessage *message, const char *, GHashTable *, gpointer self) {
          soup_server_message_set_status(message, static_cast<AuthTest *>(self)->answer_(message) ? 200 : 403, nullptr);
        },
        this, nullptr);
    EXPECT_TRUE(soup_server_listen_local(server_, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, nullptr));
    GSList *uris = soup_server_get_uris(server_);
    port_ = g_uri_get_port(static_cast<GUri *>(uris->data));
    g_slist_free_full(uris, reinterpret_cast<GDestroyNotify>(g_uri_unref));
    g_main_context_pop_thread_default(context_);
    thread_ = std::thread([this] {
      g_main_context_push_thread_default(context_);  // connections are served in it
      g_main_loop_run(loop_);
      g_main_context_pop_thread_default(context_);
    });
  }
  ~AuthTest() override {
    g_main_loop_quit(loop_);
    thread_.join();
    soup_server_disconnect(server_);
    g_object_unref(server_);
    g_main_loop_unref(loop_);
    g_main_context_unref(context_);
  }

  // The status of the answer; 0: no answer came.
  int ask(const std::string &headers) {
    GSocketClient *client = g_socket_client_new();
    g_socket_client_set_timeout(client, 10);
    GSocketConnection *connection = g_socket_client_connect_to_host(client, "127.0.0.1", static_cast<guint16>(port_), nullptr, nullptr);
    g_object_unref(client);
    if (!connection) return 0;
    const std::string request = "GET / HTTP/1.1\r\nConnection: close\r\n" + headers + "\r\n";
    g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(connection)), request.data(), request.size(), nullptr, nullptr, nullptr);
    char buffer[64] = {};
    gsize read = 0;
    g_input_stream_read_all(g_io_stream_get_input_stream(G_IO_STREAM(connection)), buffer, 12, &read, nullptr, nullptr);
    g_object_unref(connection);
    return read == 12 ? std::atoi(buffer + 9) : 0;
  }
  bool allowed(const Auth &auth, const std::string &headers) {
    answer_ = [&](SoupServerMessage *message) { return auth.allowed(message); };
    const int status = ask(headers);
    EXPECT_TRUE(status == 200 || status == 403) << status << " for " << headers;
    return status == 200;
  }
  std::string cookieOf(const Auth &auth, const std::string &headers) {
    std::string cookie;
    answer_ = [&](SoupServerMessage *message) {
      cookie = auth.cookie(message);
      return true;
    };
    EXPECT_EQ(ask(headers), 200);
    return cookie;
  }
  bool foreign(const std::string &headers) {
    answer_ = [](SoupServerMessage *message) { return Auth::foreign(message); };
    return ask(headers) == 200;
  }

 private:
  GMainContext *context_;
  GMainLoop *loop_;
  SoupServer *server_;
  int port_ = 0;
  std::thread thread_;
  std::function<bool(SoupServerMessage *)> answer_;
};

constexpr const char *kHost = "Host: cam.example\r\n";

TEST_F(AuthTest, WithoutATokenOnlyLoopbackNamesAreServed) {
  const Auth auth("", "salt");
  EXPECT_FALSE(auth.needed());
  for (const char *host : {"127.0.0.1", "127.0.0.1:8090", "127.1.2.3:80", "localhost", "localhost:8090", "[::1]", "[::1]:8090"})
    EXPECT_TRUE(allowed(auth, std::string("Host: ") + host + "\r\n")) << host;
  for (const char *host :
       {"cam.example", "cam.example:8090", "192.0.2.1:8090", "localhost.example", "127", "1270.0.0.1", "[::2]:8090", "evil.127.0.0.1"})
    EXPECT_FALSE(allowed(auth, std::string("Host: ") + host + "\r\n")) << host;
}

// Names may begin with digits, and anybody can make their own name point at 127.0.0.1.
TEST_F(AuthTest, ANameThatBeginsLikeALoopbackAddressIsNone) {
  const Auth auth("", "salt");
  for (const char *host : {"127.evil.example", "127.0.0.1.evil.example:8090", "127.0.0.evil.example"})
    EXPECT_FALSE(allowed(auth, std::string("Host: ") + host + "\r\n")) << host;
}

TEST_F(AuthTest, TheTokenIsAskedForFromEverywhere) {
  const Auth auth("0123456789abcdef", "salt");
  EXPECT_TRUE(auth.needed());
  for (const char *host : {"Host: cam.example\r\n", "Host: localhost\r\n", "Host: 127.0.0.1\r\n"}) {
    EXPECT_TRUE(allowed(auth, std::string(host) + "Authorization: Bearer 0123456789abcdef\r\n"));
    EXPECT_FALSE(allowed(auth, host));
    for (const char *wrong : {"", "Bearer ", "Bearer 0123456789abcde", "Bearer 0123456789abcdeff", "Bearer 0123456789ABCDEF", "0123456789abcdef",
                              "Basic 0123456789abcdef"})
      EXPECT_FALSE(allowed(auth, std::string(host) + "Authorization: " + wrong + "\r\n")) << wrong;
  }
}

TEST_F(AuthTest, TheCookieStandsForTheToken) {
  const Auth auth("0123456789abcdef", "salt");
  EXPECT_TRUE(auth.login("0123456789abcdef"));
  EXPECT_FALSE(auth.login("0123456789abcdeg"));
  EXPECT_FALSE(auth.login(""));
  const std::string cookie = cookieOf(auth, kHost), session = cookie.substr(0, cookie.find(';'));
  for (const char *part : {"HttpOnly", "SameSite=Strict", "Path=/"}) EXPECT_NE(cookie.find(part), std::string::npos) << cookie;
  EXPECT_EQ(cookie.find("0123456789abcdef"), std::string::npos) << "the token itself is not in it";
  EXPECT_TRUE(allowed(auth, kHost + ("Cookie: " + session + "\r\n")));
  EXPECT_TRUE(allowed(auth, kHost + ("Cookie: theme=dark; " + session + "; x=y\r\n")));
  for (const std::string &wrong :
       {session + "0", session.substr(0, session.size() - 1), "x" + session, std::string("sta_session="), std::string(";;;"), "a=" + session})
    EXPECT_FALSE(allowed(auth, kHost + ("Cookie: " + wrong + "\r\n"))) << wrong;
}

TEST_F(AuthTest, ASessionOutlivesARestartButNotItsToken) {
  const std::string cookie = cookieOf(Auth("0123456789abcdef", "salt"), kHost);
  const std::string header = kHost + ("Cookie: " + cookie.substr(0, cookie.find(';')) + "\r\n");
  EXPECT_TRUE(allowed(Auth("0123456789abcdef", "salt"), header));
  EXPECT_FALSE(allowed(Auth("0123456789abcdeg", "salt"), header));
  EXPECT_FALSE(allowed(Auth("0123456789abcdef", "pepper"), header));
}

TEST_F(AuthTest, BehindATlsProxyTheCookieGoesOverTlsAlone) {
  const Auth auth("0123456789abcdef", "salt");
  EXPECT_EQ(cookieOf(auth, kHost).find("Secure"), std::string::npos) << "a browser would not send it back";
  EXPECT_EQ(cookieOf(auth, kHost + std::string("X-Forwarded-Proto: http\r\n")).find("Secure"), std::string::npos);
  EXPECT_NE(cookieOf(auth, kHost + std::string("X-Forwarded-Proto: https\r\n")).find("; Secure"), std::string::npos);
}

TEST_F(AuthTest, AnotherSitesPageIsForeign) {
  EXPECT_FALSE(foreign("Host: cam.example:8090\r\n")) << "no browser";
  EXPECT_FALSE(foreign("Host: cam.example:8090\r\nOrigin: http://cam.example:8090\r\n"));
  EXPECT_FALSE(foreign("Host: cam.example\r\nOrigin: https://cam.example\r\n"));
  for (const char *origin :
       {"http://evil.example", "http://cam.example", "http://cam.example:8091", "http://cam.example:8090.evil.example", "null", "http://"})
    EXPECT_TRUE(foreign(std::string("Host: cam.example:8090\r\nOrigin: ") + origin + "\r\n")) << origin;
}

}  // namespace
}  // namespace sta::monitor
