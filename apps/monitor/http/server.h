// SPDX-License-Identifier: MIT
// The HTTP server: it finds the handler for an address, checks who may ask, and serves the page. api.cc has the answers
// of the REST interface.
#pragma once

#include <libsoup/soup.h>

#include <memory>
#include <string>
#include <vector>

#include "monitor/config/settings.h"
#include "monitor/http/auth.h"
#include "monitor/http/backend.h"
#include "monitor/http/streams.h"

namespace sta::monitor {

// One request, split into its parts.
struct Request {
  SoupServerMessage *message;
  std::string method;
  std::vector<std::string> path;  // decoded parts: {"cameras", "gate"} of /api/v1/cameras/gate
  GHashTable *query;
  std::string range;  // the header, unchanged
  std::string parameter(const char *name) const;
  std::string body() const;
};

// Answers.
void answerJson(SoupServerMessage *message, unsigned status, const std::string &json);
void answerError(SoupServerMessage *message, unsigned status, const std::string &sentence);
void answerNotAllowed(SoupServerMessage *message, const char *allowed, const std::string &sentence);
void answerBytes(SoupServerMessage *message, const char *type, const std::string &bytes);

class HttpServer {
 public:
  // On nullptr, `error` says why (the port is taken, …).
  static std::unique_ptr<HttpServer> listen(const HttpSettings &settings, Backend &backend, std::string &error);
  ~HttpServer();
  const std::string &address() const { return address_; }  // http://127.0.0.1:8090/
  Streams &streams() { return streams_; }

 private:
  HttpServer(const HttpSettings &settings, Backend &backend);
  void handle(SoupServerMessage *message, const char *path, GHashTable *query);
  void handleApi(const Request &request);
  void servePage(SoupServerMessage *message, const std::string &name);

  Backend &backend_;
  Auth auth_;
  Streams streams_;
  SoupServer *server_;
  std::string address_;
  unsigned timer_ = 0;
};

// In api.cc: serves everything below /api/v1 except the login.
void serveApi(const Request &request, Backend &backend, Streams &streams);

}  // namespace sta::monitor
