// SPDX-License-Identifier: MIT
// The REST interface: what api/v1 answers. Clips and snapshots are found by an event's id in the store, so that no part of a request is ever a path.
#include <charconv>
#include <thread>

#include "monitor/http/server.h"

namespace sta::monitor {
namespace {

constexpr const char *kPrefix = "/api/v1";
constexpr unsigned kTooMany = 429;  // libsoup has no name for it

void noSuch(const Request &request, const char *what) {
  answerError(request.message, SOUP_STATUS_NOT_FOUND, std::string("there is no such ") + what);
}

void serveFile(const Request &request, const std::string &path, const char *type) {
  GError *fault = nullptr;
  GMappedFile *file = g_mapped_file_new(path.c_str(), FALSE, &fault);
  if (!file) {
    g_error_free(fault);
    noSuch(request, "picture or clip (any more)");
    return;
  }
  GBytes *bytes = g_mapped_file_get_bytes(file);
  g_mapped_file_unref(file);
  SoupMessageHeaders *headers = soup_server_message_get_response_headers(request.message);
  soup_message_headers_replace(headers, "Content-Type", type);
  soup_message_headers_replace(headers, "Accept-Ranges", "bytes");
  soup_message_headers_replace(headers, "Cache-Control", "private, no-cache");
  soup_server_message_set_status(request.message, SOUP_STATUS_OK, nullptr);
  soup_message_body_append_bytes(soup_server_message_get_response_body(request.message), bytes);
  g_bytes_unref(bytes);
}

void listEvents(const Request &request, Backend &backend) {
  EventFilter filter;
  filter.camera = request.parameter("camera");
  filter.model = request.parameter("model");
  filter.label = request.parameter("label");
  filter.cursor = request.parameter("cursor");
  for (const char *name : {"from", "to"}) {
    const std::string text = request.parameter(name);
    if (text.empty()) continue;
    const std::optional<Milliseconds> time = parseTime(text);
    if (!time) {
      answerError(request.message, SOUP_STATUS_BAD_REQUEST, std::string(name) + " should be a time such as 2026-11-27T08:00:00Z");
      return;
    }
    (name == std::string("from") ? filter.from : filter.to) = time;
  }
  if (const std::string limit = request.parameter("limit"); !limit.empty()) {
    const auto [end, error] = std::from_chars(limit.data(), limit.data() + limit.size(), filter.limit);
    if (error != std::errc() || end != limit.data() + limit.size() || filter.limit < 1 || filter.limit > 500) {
      answerError(request.message, SOUP_STATUS_BAD_REQUEST, "limit should be 1 to 500");
      return;
    }
  }
  std::string next;
  const std::optional<std::vector<Event>> events = backend.store().list(filter, next);
  if (!events) {
    answerError(request.message, SOUP_STATUS_BAD_REQUEST, "cursor should be the \"next\" of the page before");
    return;
  }
  std::string json = "{\"events\":[";
  for (std::size_t i = 0; i < events->size(); ++i) json += (i ? "," : "") + eventJson((*events)[i], kPrefix);
  json += "],\"next\":" + (next.empty() ? "null" : "\"" + next + "\"") + "}";
  answerJson(request.message, SOUP_STATUS_OK, json);
}

void serveEvent(const Request &request, Backend &backend) {
  const std::optional<Event> event = backend.store().find(request.path[1]);
  if (!event) {
    noSuch(request, "event");
  } else if (request.path.size() == 2) {
    answerJson(request.message, SOUP_STATUS_OK, eventJson(*event, kPrefix));
  } else if (request.path.size() == 3 && request.path[2] == "snapshot" && event->snapshot) {
    serveFile(request, backend.store().snapshotPath(event->id), "image/jpeg");
  } else if (request.path.size() == 3 && request.path[2] == "clip" && !event->clip.empty()) {
    serveFile(request, backend.store().clipPath(event->clip), "video/mp4");
  } else {
    noSuch(request, "picture or clip of this event");
  }
}

// The JPEG of now is made in a thread; the request waits for it, nothing else does.
void serveSnapshot(const Request &request, Backend &backend) {
  const std::shared_ptr<CameraPipeline> pipeline = backend.pipelineOf(request.path[1]);
  if (!pipeline || pipeline->frames() == 0) {
    answerError(request.message, SOUP_STATUS_CONFLICT, "the camera has no picture now");
    return;
  }
  struct Picture {
    SoupServerMessage *message;
    std::string jpeg;
  };
  auto *picture = new Picture{SOUP_SERVER_MESSAGE(g_object_ref(request.message)), ""};
  soup_server_message_pause(request.message);
  std::thread([picture, pipeline]() mutable {
    picture->jpeg = pipeline->snapshot();
    CameraPipeline::retire(std::move(pipeline));  // it may be the last one to hold it
    g_idle_add(
        [](gpointer data) -> gboolean {
          auto *made = static_cast<Picture *>(data);
          if (made->jpeg.empty())
            answerError(made->message, SOUP_STATUS_CONFLICT, "the camera has no picture now");
          else
            answerBytes(made->message, "image/jpeg", made->jpeg);
          soup_server_message_unpause(made->message);
          g_object_unref(made->message);
          delete made;
          return G_SOURCE_REMOVE;
        },
        picture);
  }).detach();
}

void serveCamera(const Request &request, Backend &backend, Streams &streams) {
  const std::string &name = request.path[1];
  const bool reading = request.method == "GET" || request.method == "HEAD";
  if (request.path.size() == 2 && request.method == "PUT") {
    bool created = false;
    const std::vector<std::string> errors = backend.putCamera(name, request.body(), created);
    if (errors.empty()) {
      answerJson(request.message, created ? SOUP_STATUS_CREATED : SOUP_STATUS_OK, backend.cameraJson(name));
      return;
    }
    std::string all;
    for (const std::string &error : errors) all += (all.empty() ? "" : "; ") + error;
    answerError(request.message, SOUP_STATUS_BAD_REQUEST, all);
    return;
  }
  if (request.path.size() == 3 && request.path[2] == "override") {
    if (request.method != "DELETE")
      answerError(request.message, SOUP_STATUS_METHOD_NOT_ALLOWED, "override takes DELETE: the file decides of this camera again");
    else if (!backend.followFile(name))
      answerError(request.message, SOUP_STATUS_NOT_FOUND, "nothing came over REST of a camera of this name");
    else
      soup_server_message_set_status(request.message, SOUP_STATUS_NO_CONTENT, nullptr);
    return;
  }
  const std::string json = backend.cameraJson(name);
  if (json.empty()) {
    noSuch(request, "camera");
  } else if (request.path.size() == 2 && request.method == "DELETE") {
    backend.deleteCamera(name);
    soup_server_message_set_status(request.message, SOUP_STATUS_NO_CONTENT, nullptr);
  } else if (!reading) {
    answerError(request.message, SOUP_STATUS_METHOD_NOT_ALLOWED, "a camera takes GET, PUT and DELETE; what belongs to it takes GET");
  } else if (request.path.size() == 2) {
    answerJson(request.message, SOUP_STATUS_OK, json);
  } else if (request.path.size() == 3 && request.path[2] == "snapshot") {
    serveSnapshot(request, backend);
  } else if (request.path.size() == 3 && request.path[2] == "live" && request.method == "GET") {
    if (!streams.addViewer(request.message, name)) answerError(request.message, kTooMany, "too many look already");
  } else {
    noSuch(request, "part of a camera");
  }
}

void serveStream(const Request &request, Backend &backend, Streams &streams) {
  std::vector<JournalEntry> missed;
  const char *last = soup_message_headers_get_one(soup_server_message_get_request_headers(request.message), "Last-Event-ID");
  if (last) missed = backend.store().journalAfter(g_ascii_strtoll(last, nullptr, 10));
  if (!streams.addListener(request.message, missed)) answerError(request.message, kTooMany, "too many listen already");
}

}  // namespace

void serveApi(const Request &request, Backend &backend, Streams &streams) {
  const std::string first = request.path.empty() ? "" : request.path[0];
  const bool reading = request.method == "GET" || request.method == "HEAD";
  if (first == "cameras" && request.path.size() >= 2) {
    serveCamera(request, backend, streams);
  } else if (!reading) {
    answerError(request.message, SOUP_STATUS_METHOD_NOT_ALLOWED, "only GET");
  } else if (first == "cameras") {
    std::string json = "{\"cameras\":[";
    bool more = false;
    for (const std::string &name : backend.cameraNames()) {
      json += (more ? "," : "") + backend.cameraJson(name);
      more = true;
    }
    answerJson(request.message, SOUP_STATUS_OK, json + "]}");
  } else if (first == "events" && request.path.size() == 1) {
    listEvents(request, backend);
  } else if (first == "events") {
    serveEvent(request, backend);
  } else if (first == "stream" && request.path.size() == 1 && request.method == "GET") {
    serveStream(request, backend, streams);
  } else if (first == "status" && request.path.size() == 1) {
    answerJson(request.message, SOUP_STATUS_OK, backend.statusJson());
  } else {
    answerError(request.message, SOUP_STATUS_NOT_FOUND, "there is nothing at this address; /api/v1/openapi.json says what there is");
  }
}

}  // namespace sta::monitor
