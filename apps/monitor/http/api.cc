// SPDX-License-Identifier: MIT
// The REST interface below api/v1. It finds clips and snapshots by an event's id in the store, so no part of a request
// is ever used as a path.
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

enum class Part { kAll, kSome, kNone };

// "bytes=BEGIN-END", "bytes=BEGIN-" and "bytes=-LAST" of a file with `size` bytes, as [begin, end). Several parts, or a
// range that makes no sense, mean the whole file.
Part partOf(const std::string &range, std::uint64_t size, std::uint64_t &begin, std::uint64_t &end) {
  const std::string unit = "bytes=";
  if (!range.starts_with(unit) || size == 0) return Part::kAll;
  const std::size_t dash = range.find('-');
  if (dash == std::string::npos) return Part::kAll;
  const auto number = [](const std::string &text, std::uint64_t &value) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::result_out_of_range && stop == text.data() + text.size()) value = UINT64_MAX;
    return !text.empty() && error != std::errc::invalid_argument && stop == text.data() + text.size();
  };
  const std::string first = range.substr(unit.size(), dash - unit.size()), last = range.substr(dash + 1);
  std::uint64_t from = 0, to = UINT64_MAX;
  if (first.empty()) {
    if (!number(last, to)) return Part::kAll;
    if (to == 0) return Part::kNone;
    begin = size - std::min(size, to);
    return Part::kSome;
  }
  if (!number(first, from) || (!last.empty() && (!number(last, to) || to < from))) return Part::kAll;
  if (from >= size) return Part::kNone;
  begin = from;
  end = to >= size ? size : to + 1;
  return Part::kSome;
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
  const std::uint64_t size = g_bytes_get_size(bytes);
  std::uint64_t begin = 0, end = size;
  const Part part = request.method == "GET" ? partOf(request.range, size, begin, end) : Part::kAll;
  SoupMessageHeaders *headers = soup_server_message_get_response_headers(request.message);
  soup_message_headers_replace(headers, "Content-Type", type);
  soup_message_headers_replace(headers, "Accept-Ranges", "bytes");
  soup_message_headers_replace(headers, "Cache-Control", "private, no-cache");
  if (part == Part::kNone) {
    soup_message_headers_replace(headers, "Content-Range", ("bytes */" + std::to_string(size)).c_str());
    soup_server_message_set_status(request.message, SOUP_STATUS_REQUESTED_RANGE_NOT_SATISFIABLE, nullptr);
  } else {
    soup_server_message_set_status(request.message, part == Part::kSome ? SOUP_STATUS_PARTIAL_CONTENT : SOUP_STATUS_OK, nullptr);
    if (part == Part::kSome)
      soup_message_headers_replace(headers, "Content-Range",
                                   ("bytes " + std::to_string(begin) + "-" + std::to_string(end - 1) + "/" + std::to_string(size)).c_str());
    GBytes *some = g_bytes_new_from_bytes(bytes, begin, end - begin);
    soup_message_body_append_bytes(soup_server_message_get_response_body(request.message), some);
    g_bytes_unref(some);
  }
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

// A thread makes the JPEG of the present frame. The request waits for it; nothing else does.
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
    CameraPipeline::retire(std::move(pipeline));  // this may be the last reference
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
    if (errors.empty() && backend.inFleet()) {
      answerJson(request.message, SOUP_STATUS_ACCEPTED, "{}");
      return;
    }
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
      answerNotAllowed(request.message, "DELETE", "override takes DELETE: the file decides of this camera again");
    else if (!backend.followFile(name))
      answerError(request.message, SOUP_STATUS_NOT_FOUND, "nothing came over REST of a camera of this name");
    else
      soup_server_message_set_status(request.message, SOUP_STATUS_NO_CONTENT, nullptr);
    return;
  }
  if (request.path.size() == 2 && request.method == "DELETE" && backend.inFleet()) {
    if (backend.deleteCamera(name))
      answerJson(request.message, SOUP_STATUS_ACCEPTED, "{}");
    else
      noSuch(request, "camera");
    return;
  }
  const std::string json = backend.cameraJson(name);
  if (json.empty()) {
    noSuch(request, "camera");
  } else if (request.path.size() == 2 && request.method == "DELETE") {
    backend.deleteCamera(name);
    soup_server_message_set_status(request.message, SOUP_STATUS_NO_CONTENT, nullptr);
  } else if (!reading) {
    const bool live = request.path.size() == 3 && request.path[2] == "live";
    answerNotAllowed(request.message,
                     request.path.size() == 2 ? "GET, HEAD, PUT, DELETE"
                     : live                   ? "GET"
                                              : "GET, HEAD",
                     "a camera takes GET, PUT and DELETE; what belongs to it takes GET");
  } else if (request.path.size() == 2) {
    answerJson(request.message, SOUP_STATUS_OK, json);
  } else if (request.path.size() == 3 && request.path[2] == "snapshot") {
    serveSnapshot(request, backend);
  } else if (request.path.size() == 3 && request.path[2] == "live") {
    if (request.method != "GET")
      answerNotAllowed(request.message, "GET", "live takes GET");
    else if (!streams.addViewer(request.message, name))
      answerError(request.message, kTooMany, "too many look already");
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
    answerNotAllowed(request.message, first == "stream" ? "GET" : "GET, HEAD", "only GET");
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
  } else if (first == "stream" && request.path.size() == 1) {
    if (request.method == "GET")
      serveStream(request, backend, streams);
    else
      answerNotAllowed(request.message, "GET", "stream takes GET");
  } else if (first == "status" && request.path.size() == 1) {
    answerJson(request.message, SOUP_STATUS_OK, backend.statusJson());
  } else {
    answerError(request.message, SOUP_STATUS_NOT_FOUND, "there is nothing at this address; /api/v1/openapi.json says what there is");
  }
}

}  // namespace sta::monitor
