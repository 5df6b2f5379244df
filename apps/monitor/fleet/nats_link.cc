// SPDX-License-Identifier: MIT
#include "monitor/fleet/nats_link.h"

#include <algorithm>
#include <cstdlib>

namespace sta::monitor::fleet {
namespace {

constexpr Time kPatience = kSecond;  // for an answer
constexpr std::int64_t kConnectMs = 3000, kReconnectWaitMs = 250, kPingMs = 2000;
constexpr int kPingsOut = 2;

}  // namespace

// Callbacks of libnats may run while the link goes, and even a moment after it is gone. So this lives as long as the
// process does (see connect()).
struct NatsLink::Shared {
  Post post;
  NatsLink *owner = nullptr;  // only used in the owner's thread; nullptr after it is gone
  std::weak_ptr<Shared> self;

  template <typename What>
  void hand(What what) {
    post([shared = self.lock(), what = std::move(what)] {
      if (shared && shared->owner) what(*shared->owner);
    });
  }
};

NatsLink::NatsLink(NatsOptions options, Post post) : options_(std::move(options)), post_(std::move(post)), shared_(std::make_shared<Shared>()) {
  shared_->post = post_;
  shared_->owner = this;
  shared_->self = shared_;
}

std::unique_ptr<NatsLink> NatsLink::connect(const NatsOptions &options, Post post, std::string &error) {
  std::unique_ptr<NatsLink> link(new NatsLink(options, std::move(post)));
  // Kept for ever on purpose: see Shared. A process makes one link, or as many as it simulates nodes.
  auto *shared = new std::shared_ptr<Shared>(link->shared_);
  natsOptions *made = nullptr;
  natsStatus status = natsOptions_Create(&made);
  const Nats<natsOptions> own(made);
  std::vector<const char *> servers;
  for (const std::string &server : options.servers) servers.push_back(server.c_str());
  const bool tls =
      std::any_of(options.servers.begin(), options.servers.end(), [](const std::string &server) { return server.starts_with("tls://"); });
  const auto add = [&](natsStatus next) {
    if (status == NATS_OK) status = next;
  };
  add(natsOptions_SetServers(made, servers.data(), static_cast<int>(servers.size())));
  add(natsOptions_SetName(made, options.name.c_str()));
  add(natsOptions_SetTimeout(made, kConnectMs));
  add(natsOptions_SetMaxReconnect(made, -1));
  add(natsOptions_SetReconnectWait(made, kReconnectWaitMs));
  add(natsOptions_SetReconnectJitter(made, 250, 250));
  add(natsOptions_SetPingInterval(made, kPingMs));
  add(natsOptions_SetMaxPingsOut(made, kPingsOut));
  if (!options.user.empty()) add(natsOptions_SetUserInfo(made, options.user.c_str(), options.password.c_str()));
  if (!options.credentials_file.empty()) add(natsOptions_SetUserCredentialsFromFiles(made, options.credentials_file.c_str(), nullptr));
  if (tls) add(natsOptions_SetSecure(made, true));
  if (!options.ca_file.empty()) {
    add(natsOptions_SetSecure(made, true));
    add(natsOptions_LoadCATrustedCertificates(made, options.ca_file.c_str()));
    if (status != NATS_OK) error = "the certificates in " + options.ca_file + " cannot be read; ca-file should be a file in PEM";
  }
  add(natsOptions_SetDisconnectedCB(
      made,
      [](natsConnection *, void *closure) { (*static_cast<std::shared_ptr<Shared> *>(closure))->hand([](NatsLink &self) { self.setUp(false); }); },
      shared));
  add(natsOptions_SetReconnectedCB(
      made,
      [](natsConnection *, void *closure) { (*static_cast<std::shared_ptr<Shared> *>(closure))->hand([](NatsLink &self) { self.setUp(true); }); },
      shared));
  add(natsOptions_SetErrorHandler(
      made,
      [](natsConnection *, natsSubscription *, natsStatus, void *closure) {
        (*static_cast<std::shared_ptr<Shared> *>(closure))->hand([](NatsLink &self) {
          if (self.listener_) self.listener_->linkTrouble();
        });
      },
      shared));
  if (status != NATS_OK) {
    if (error.empty()) error = std::string("the options of the connection to NATS are not right: ") + natsStatus_GetText(status);
    return nullptr;
  }
  natsConnection *connection = nullptr;
  status = natsConnection_Connect(&connection, made);
  link->connection_.reset(connection);
  if (status != NATS_OK) {
    const std::string where = displayServers(options);
    if (status == NATS_CONNECTION_AUTH_FAILED)
      error = "NATS at " + where + " refused user and password; set STA_FLEET_USER and STA_FLEET_PASSWORD, or STA_FLEET_CREDENTIALS";
    else if (status == NATS_SSL_ERROR)
      error = "the connection to NATS at " + where + " could not be made safe (TLS); is the certificate one that ca-file knows?";
    else
      error = "no NATS server answers at " + where + " (" + natsStatus_GetText(status) + "); start one with nats-server -js, or name another address";
    return nullptr;
  }
  link->up_ = true;
  jsCtx *context = nullptr;
  jsOptions js;
  jsOptions_Init(&js);
  js.Wait = 3000;
  if (natsConnection_JetStream(&context, connection, &js) == NATS_OK) link->jetstream_.reset(context);
  natsInbox *inbox = nullptr;
  if (natsInbox_Create(&inbox) == NATS_OK) {
    link->inbox_ = std::string(inbox) + ".";
    natsInbox_Destroy(inbox);
  }
  natsSubscription *answers = nullptr;
  status = natsConnection_Subscribe(
      &answers, connection, (link->inbox_ + "*").c_str(),
      [](natsConnection *, natsSubscription *, natsMsg *raw, void *closure) {
        const Nats<natsMsg> message(raw);
        const std::string subject = natsMsg_GetSubject(raw);
        const std::uint64_t number = std::strtoull(subject.c_str() + subject.rfind('.') + 1, nullptr, 10);
        // "No responders" is a message without a body.
        const bool good = natsMsg_GetDataLength(raw) > 0;
        (*static_cast<std::shared_ptr<Shared> *>(closure))
            ->hand([number, good, payload = std::string(natsMsg_GetData(raw), static_cast<std::size_t>(natsMsg_GetDataLength(raw)))](NatsLink &self) {
              self.answer(number, good, payload);
            });
      },
      shared);
  link->answers_.reset(answers);
  if (status != NATS_OK || !link->jetstream_) {
    error = std::string("NATS does not let this program listen for answers: ") + natsStatus_GetText(status);
    return nullptr;
  }
  return link;
}

NatsLink::~NatsLink() {
  shared_->owner = nullptr;
  answers_.reset();
  if (connection_) {
    natsConnection_FlushTimeout(connection_.get(), 300);  // what was said last, a lease that was given back for instance
    natsConnection_Close(connection_.get());
  }
}

void NatsLink::setUp(bool up) {
  if (up_ == up) return;
  up_ = up;
  if (!up)
    for (auto &[number, pending] : pending_) pending.until = clock_.now();
  if (!listener_) return;
  if (up)
    listener_->linkUp();
  else
    listener_->linkDown();
}

void NatsLink::request(const std::string &subject, const Headers &headers, const std::string &payload, Answered answered) {
  const std::uint64_t number = next_++;
  bool sent = false;
  natsMsg *message = nullptr;
  if (up_ && natsMsg_Create(&message, subject.c_str(), (inbox_ + std::to_string(number)).c_str(), payload.data(), static_cast<int>(payload.size())) ==
                 NATS_OK) {
    const Nats<natsMsg> own(message);
    for (const auto &[name, value] : headers) natsMsgHeader_Set(message, name.c_str(), value.c_str());
    sent = natsConnection_PublishMsg(connection_.get(), message) == NATS_OK;
  }
  pending_[number] = {std::move(answered), clock_.now() + (sent ? kPatience : 0)};
}

void NatsLink::answer(std::uint64_t number, bool good, const std::string &payload) {
  const auto found = pending_.find(number);
  if (found == pending_.end()) return;
  const Answered answered = std::move(found->second.answered);
  pending_.erase(found);
  answered(good ? &payload : nullptr);
}

void NatsLink::tick() {
  const Time now = clock_.now();
  std::vector<std::uint64_t> late;
  for (const auto &[number, pending] : pending_)
    if (now >= pending.until) late.push_back(number);
  for (std::uint64_t number : late) answer(number, false, "");
}

}  // namespace sta::monitor::fleet
