// SPDX-License-Identifier: MIT
#include "monitor/http/server.h"

#include <gio/gio.h>

#include <nlohmann/json.hpp>

namespace sta::monitor {
namespace {

constexpr gsize kMostBody = 64 << 10;

std::vector<std::string> parts(const std::string &path) {
  std::vector<std::string> found;
  for (std::size_t at = 0; at < path.size();) {
    std::size_t end = path.find('/', at);
    if (end == std::string::npos) end = path.size();
    if (end > at) found.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return found;
}

const char *typeOf(const std::string &name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  if (name.ends_with(".json")) return "application/json";
  return "application/octet-stream";
}

}  // namespace

std::string Request::parameter(const char *name) const {
  const auto *value = query ? static_cast<const char *>(g_hash_table_lookup(query, name)) : nullptr;
  return value ? value : "";
}

std::string Request::body() const {
  GBytes *bytes = soup_message_body_flatten(soup_server_message_get_request_body(message));
  gsize size = 0;
  const auto *data = static_cast<const char *>(g_bytes_get_data(bytes, &size));
  std::string text(data ? data : "", size);
  g_bytes_unref(bytes);
  return text;
}

void answerJson(SoupServerMessage *message, unsigned status, const std::string &json) {
  soup_server_message_set_status(message, status, nullptr);
  soup_message_headers_replace(soup_server_message_get_response_headers(message), "Cache-Control", "no-store");
  soup_server_message_set_response(message, "application/json", SOUP_MEMORY_COPY, json.data(), json.size());
}

void answerError(SoupServerMessage *message, unsigned status, const std::string &sentence) {
  if (status == SOUP_STATUS_UNAUTHORIZED)
    soup_message_headers_replace(soup_server_message_get_response_headers(message), "WWW-Authenticate", "Bearer");
  answerJson(message, status, nlohmann::json{{"error", sentence}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void answerNotAllowed(SoupServerMessage *message, const char *allowed, const std::string &sentence) {
  soup_message_headers_replace(soup_server_message_get_response_headers(message), "Allow", allowed);
  answerError(message, SOUP_STATUS_METHOD_NOT_ALLOWED, sentence);
}

void answerBytes(SoupServerMessage *message, const char *type, const std::string &bytes) {
  soup_server_message_set_status(message, SOUP_STATUS_OK, nullptr);
  soup_message_headers_replace(soup_server_message_get_response_headers(message), "Cache-Control", "no-store");
  soup_server_message_set_response(message, type, SOUP_MEMORY_COPY, bytes.data(), bytes.size());
}

HttpServer::HttpServer(const HttpSettings &settings, Backend &backend)
    : backend_(backend),
      auth_(settings.token, backend.store().salt()),
      streams_([this](const std::string &camera, int viewers) { backend_.viewersChanged(camera, viewers); }),
      server_(soup_server_new("server-header", "sta-monitor", nullptr)) {
  // Refuses a body that is too long before it is read.
  soup_server_add_early_handler(
      server_, nullptr,
      [](SoupServer *, SoupServerMessage *message, const char *, GHashTable *, gpointer) {
        SoupMessageHeaders *headers = soup_server_message_get_request_headers(message);
        const bool chunked = soup_message_headers_get_encoding(headers) == SOUP_ENCODING_CHUNKED;
        if (!chunked && soup_message_headers_get_content_length(headers) <= static_cast<goffset>(kMostBody)) return;
        soup_message_body_set_accumulate(soup_server_message_get_request_body(message), FALSE);  // throws the body away
        soup_message_headers_replace(soup_server_message_get_response_headers(message), "Connection", "close");
        answerError(message, chunked ? SOUP_STATUS_LENGTH_REQUIRED : SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE, "a body has a length, of at most 64 KiB");
      },
      nullptr, nullptr);
  soup_server_add_handler(
      server_, nullptr,
      [](SoupServer *, SoupServerMessage *message, const char *path, GHashTable *query, gpointer self) {
        static_cast<HttpServer *>(self)->handle(message, path, query);
      },
      this, nullptr);
  timer_ = g_timeout_add_seconds(
      15, [](gpointer self) -> gboolean { return static_cast<HttpServer *>(self)->streams_.keepAlive(), G_SOURCE_CONTINUE; }, this);
}

std::unique_ptr<HttpServer> HttpServer::listen(const HttpSettings &settings, Backend &backend, std::string &error) {
  std::unique_ptr<HttpServer> server(new HttpServer(settings, backend));
  const std::string host = settings.address == "localhost" ? "127.0.0.1" : settings.address;
  GSocketAddress *address = g_inet_socket_address_new_from_string(host.c_str(), settings.port);
  if (!address) {
    error = "http: listen: \"" + settings.address + "\" is no address of this machine in numbers, such as 127.0.0.1 or 0.0.0.0";
    return nullptr;
  }
  GError *fault = nullptr;
  const bool good = soup_server_listen(server->server_, address, static_cast<SoupServerListenOptions>(0), &fault);
  g_object_unref(address);
  if (!good) {
    error = "http: cannot listen at " + settings.address + ":" + std::to_string(settings.port) + ": " + fault->message;
    g_error_free(fault);
    return nullptr;
  }
  GSList *uris = soup_server_get_uris(server->server_);
  if (uris) {
    char *text = g_uri_to_string(static_cast<GUri *>(uris->data));
    server->address_ = text;
    g_free(text);
    // An address that means "all addresses of this machine" cannot be opened. The machine's name can.
    for (const std::string any : {"//0.0.0.0:", "//[::]:"})
      if (const std::size_t at = server->address_.find(any); at != std::string::npos)
        server->address_.replace(at, any.size(), "//" + std::string(g_get_host_name()) + ":");
  }
  g_slist_free_full(uris, reinterpret_cast<GDestroyNotify>(g_uri_unref));
  return server;
}

HttpServer::~HttpServer() {
  g_source_remove(timer_);
  soup_server_disconnect(server_);
  g_object_unref(server_);
}

void HttpServer::handle(SoupServerMessage *message, const char *path, GHashTable *query) {
  SoupMessageHeaders *headers = soup_server_message_get_response_headers(message);
  soup_message_headers_replace(headers, "Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'");
  soup_message_headers_replace(headers, "X-Content-Type-Options", "nosniff");
  soup_message_headers_replace(headers, "Referrer-Policy", "no-referrer");
  // libsoup 3.2 never frees a connection that the client closes after an answer.
  soup_message_headers_replace(headers, "Connection", "close");
  if (soup_server_message_get_status(message) != 0) return;  // refused already
  Request request{message, soup_server_message_get_method(message), parts(path), query, ""};
  const bool reading = request.method == "GET" || request.method == "HEAD";
  if (const char *range = soup_message_headers_get_one(soup_server_message_get_request_headers(message), "Range")) {
    // Only files are sent in parts, and serveFile makes them. libsoup's own parts go wrong at the end of a file, and it
    // repeats the file as often as the request asks for.
    request.range = range;
    soup_message_headers_remove(soup_server_message_get_request_headers(message), "Range");
  }
  const bool api = request.path.size() >= 2 && request.path[0] == "api" && request.path[1] == "v1";
  if (api) {
    request.path.erase(request.path.begin(), request.path.begin() + 2);
    handleApi(request);
    return;
  }
  if (!reading) {
    answerNotAllowed(message, "GET, HEAD", "only GET");
    return;
  }
  // The page itself holds no secret: it asks for the token.
  if (request.path.empty() || (request.path.size() == 2 && request.path[0] == "page")) {
    servePage(message, request.path.empty() ? "index.html" : request.path[1]);
  } else if (request.path.size() == 1 && request.path[0] == "healthz") {
    answerBytes(message, "text/plain", "ok\n");
  } else if (request.path.size() == 1 && request.path[0] == "readyz") {
    answerBytes(message, "text/plain", backend_.ready() ? "ready\n" : "not ready\n");
    if (!backend_.ready()) soup_server_message_set_status(message, SOUP_STATUS_SERVICE_UNAVAILABLE, nullptr);
  } else if (request.path.size() == 1 && request.path[0] == "metrics") {
    if (auth_.allowed(message))
      answerBytes(message, "text/plain; version=0.0.4", backend_.metricsText());
    else
      answerError(message, SOUP_STATUS_UNAUTHORIZED, "the token is missing: Authorization: Bearer TOKEN");
  } else {
    answerError(message, SOUP_STATUS_NOT_FOUND, "there is nothing at this address");
  }
}

void HttpServer::handleApi(const Request &request) {
  const bool reading = request.method == "GET" || request.method == "HEAD";
  if (!reading && Auth::foreign(request.message)) {
    answerError(request.message, SOUP_STATUS_FORBIDDEN, "changes are taken from this server's own page only");
    return;
  }
  if (request.path.size() == 1 && request.path[0] == "login") {
    if (request.method != "POST") {
      answerNotAllowed(request.message, "POST", "login takes POST");
      return;
    }
    const nlohmann::json body = nlohmann::json::parse(request.body(), nullptr, false);
    if (!body.is_object() || !body.contains("token") || !body["token"].is_string()) {
      answerError(request.message, SOUP_STATUS_BAD_REQUEST, "the body should be {\"token\": \"…\"}");
    } else if (auth_.needed() && !auth_.login(body["token"].get<std::string>())) {
      answerError(request.message, SOUP_STATUS_UNAUTHORIZED, "this is not the token");
    } else {
      if (auth_.needed())
        soup_message_headers_replace(soup_server_message_get_response_headers(request.message), "Set-Cookie", auth_.cookie(request.message).c_str());
      soup_server_message_set_status(request.message, SOUP_STATUS_NO_CONTENT, nullptr);
    }
    return;
  }
  if (!auth_.allowed(request.message)) {
    answerError(request.message, SOUP_STATUS_UNAUTHORIZED,
                auth_.needed() ? "the token is missing: Authorization: Bearer TOKEN, or POST /api/v1/login"
                               : "without a token only this machine is answered, as localhost or 127.0.0.1");
    return;
  }
  if (request.path.size() == 1 && request.path[0] == "openapi.json" && reading) {
    servePage(request.message, "openapi.json");
    return;
  }
  serveApi(request, backend_, streams_);
}

// The files of the page are compiled in, so no path of a request reaches the file system.
void HttpServer::servePage(SoupServerMessage *message, const std::string &name) {
  GBytes *bytes = g_resources_lookup_data(("/sta-monitor/" + name).c_str(), G_RESOURCE_LOOKUP_FLAGS_NONE, nullptr);
  if (!bytes) {
    answerError(message, SOUP_STATUS_NOT_FOUND, "the page has no such file");
    return;
  }
  soup_server_message_set_status(message, SOUP_STATUS_OK, nullptr);
  SoupMessageHeaders *headers = soup_server_message_get_response_headers(message);
  soup_message_headers_replace(headers, "Content-Type", typeOf(name));
  soup_message_headers_replace(headers, "Cache-Control", "no-cache");
  soup_message_body_append_bytes(soup_server_message_get_response_body(message), bytes);
  g_bytes_unref(bytes);
}

}  // namespace sta::monitor
