// SPDX-License-Identifier: MIT
#include "monitor/http/streams.h"

#include <sys/socket.h>

#include <cerrno>

namespace sta::monitor {
namespace {

GBytes *bytesOf(const std::string &text) { return g_bytes_new(text.data(), text.size()); }

constexpr const char *kBoundary = "sta-picture";

// Whether the client has closed its side of the connection.
bool hasGone(SoupServerMessage *message) {
  GSocket *socket = soup_server_message_get_socket(message);
  if (!socket || g_socket_is_closed(socket)) return true;
  char byte = 0;
  const ssize_t size = recv(g_socket_get_fd(socket), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return size == 0 || (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

}  // namespace

Streams::~Streams() {
  for (Client &client : clients_) {
    g_signal_handlers_disconnect_by_data(client.message, &client);
    g_object_unref(client.message);
  }
}

bool Streams::add(SoupServerMessage *message, const std::string &camera, const char *type) {
  if (clients_.size() >= kMostClients) return false;
  SoupMessageHeaders *headers = soup_server_message_get_response_headers(message);
  soup_message_headers_set_encoding(headers, SOUP_ENCODING_CHUNKED);
  soup_message_headers_replace(headers, "Content-Type", type);
  soup_message_headers_replace(headers, "Cache-Control", "no-store");
  soup_server_message_set_status(message, SOUP_STATUS_OK, nullptr);
  soup_message_body_set_accumulate(soup_server_message_get_response_body(message), FALSE);
  clients_.push_back({this, SOUP_SERVER_MESSAGE(g_object_ref(message)), camera});
  Client *client = &clients_.back();
  g_signal_connect(message, "wrote-body-data", G_CALLBACK(+[](SoupServerMessage *, guint size, gpointer data) {
                     auto *self = static_cast<Client *>(data);
                     self->waiting -= std::min<std::size_t>(self->waiting, size);
                   }),
                   client);
  g_signal_connect(message, "wrote-chunk", G_CALLBACK(+[](SoupServerMessage *, gpointer data) {
                     auto *self = static_cast<Client *>(data);
                     if (self->chunks > 0) --self->chunks;
                   }),
                   client);
  const auto gone = +[](SoupServerMessage *, gpointer data) {
    auto *self = static_cast<Client *>(data);
    self->streams->remove(self);
  };
  g_signal_connect(message, "finished", G_CALLBACK(gone), client);
  return true;
}

void Streams::remove(Client *client) {
  for (auto at = clients_.begin(); at != clients_.end(); ++at) {
    if (&*at != client) continue;
    const std::string camera = client->camera;
    g_signal_handlers_disconnect_by_data(client->message, client);
    g_object_unref(client->message);
    clients_.erase(at);
    if (!camera.empty()) viewers_(camera, viewersOf(camera));
    return;
  }
}

int Streams::viewersOf(const std::string &camera) const {
  int viewers = 0;
  for (const Client &client : clients_) viewers += client.camera == camera;
  return viewers;
}

void Streams::send(Client &client, GBytes *bytes) {
  client.waiting += g_bytes_get_size(bytes);
  ++client.chunks;
  soup_message_body_append_bytes(soup_server_message_get_response_body(client.message), bytes);
  soup_server_message_unpause(client.message);
}

bool Streams::addListener(SoupServerMessage *message, const std::vector<JournalEntry> &missed) {
  if (!add(message, "", "text/event-stream")) return false;
  std::string text = "retry: 2000\n\n";
  for (const JournalEntry &entry : missed) text += "id: " + std::to_string(entry.sequence) + "\nevent: event\ndata: " + entry.payload + "\n\n";
  GBytes *bytes = bytesOf(text);
  send(clients_.back(), bytes);
  g_bytes_unref(bytes);
  return true;
}

bool Streams::addViewer(SoupServerMessage *message, const std::string &camera) {
  if (!add(message, camera, "multipart/x-mixed-replace; boundary=sta-picture")) return false;
  GBytes *bytes = bytesOf(std::string("--") + kBoundary + "\r\n");
  send(clients_.back(), bytes);
  g_bytes_unref(bytes);
  viewers_(camera, viewersOf(camera));
  return true;
}

void Streams::sendAll(const std::string &text) {
  GBytes *bytes = bytesOf(text);
  std::vector<Client *> stuck;
  for (Client &client : clients_) {
    if (!client.camera.empty()) continue;
    if (client.waiting > kMostWaiting)
      stuck.push_back(&client);
    else
      send(client, bytes);
  }
  g_bytes_unref(bytes);
  for (Client *client : stuck) end(client);
}

void Streams::event(std::int64_t sequence, const std::string &json) {
  sendAll((sequence > 0 ? "id: " + std::to_string(sequence) + "\n" : "") + "event: event\ndata: " + json + "\n\n");
}

void Streams::camera(const std::string &json) { sendAll("event: camera\ndata: " + json + "\n\n"); }

void Streams::keepAlive() {
  // A viewer of a camera that is down gets no data, so only a look at its connection shows that it has gone.
  std::vector<Client *> gone;
  for (Client &client : clients_)
    if (hasGone(client.message)) gone.push_back(&client);
  for (Client *client : gone) end(client);
  sendAll(": still here\n\n");
}

void Streams::endViewers(const std::string &camera) {
  std::vector<Client *> viewers;
  for (Client &client : clients_)
    if (client.camera == camera) viewers.push_back(&client);
  for (Client *viewer : viewers) end(viewer);
}

void Streams::end(Client *client) {
  SoupServerMessage *message = SOUP_SERVER_MESSAGE(g_object_ref(client->message));
  remove(client);
  soup_message_body_complete(soup_server_message_get_response_body(message));
  soup_server_message_unpause(message);
  g_object_unref(message);
}

void Streams::picture(const std::string &camera, GBytes *jpeg) {
  GBytes *part = nullptr;
  for (Client &client : clients_) {
    if (client.camera != camera || client.chunks > 0) continue;  // it has not yet taken the last picture
    if (!part) {
      gsize size = 0;
      const auto *data = static_cast<const char *>(g_bytes_get_data(jpeg, &size));
      // Sends the boundary behind the picture along with it, so that browsers show the picture at once.
      part = bytesOf("Content-Type: image/jpeg\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(data, size) + "\r\n--" +
                     kBoundary + "\r\n");
    }
    send(client, part);
  }
  if (part) g_bytes_unref(part);
}

}  // namespace sta::monitor
