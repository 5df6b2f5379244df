// SPDX-License-Identifier: MIT
// See eval_state.h.
#include "eval_state.h"

#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "options.h"

namespace cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kFormat = 1;

std::string dump(const Json &json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// The first setting that differs.
std::string difference(const Json &before, const Json &now) {
  for (const auto &[key, value] : now.items())
    if (!before.contains(key) || before[key] != value)
      return key + " " + (before.contains(key) ? dump(before[key]) : "unset") + ", now " + dump(value);
  for (const auto &[key, value] : before.items())
    if (!now.contains(key)) return key + " " + dump(value) + ", now unset";
  return "";
}

}  // namespace

Json to_json(const VideoResult &r) {
  Json out = {{"index", r.index}, {"video", r.video}, {"label", r.label}};
  if (!r.error.empty()) {
    out["error"] = r.error;
    return out;
  }
  out["frames"] = r.frames;
  out["views"] = r.views;
  out["decode_seconds"] = r.decode_seconds;
  out["results"] = Json::array();
  for (const Verdict &v : r.verdicts) {
    Json one = {{"still_threshold", v.still_threshold},
                {"drop_number", v.drop_number},
                {"prediction", v.top.empty() ? -1 : v.top[0].first},
                {"label_rank", v.label_rank},
                {"label_probability", v.label_probability},
                {"top", v.top},
                {"seconds", v.spent.seconds},
                {"tokens_per_view", v.spent.tokens / std::max(1, r.views)},
                {"gmacs_per_view", v.spent.gmacs / std::max(1, r.views)}};
    if (!v.probabilities.empty()) one["probabilities"] = v.probabilities;
    out["results"].push_back(std::move(one));
  }
  return out;
}

VideoResult result_of(const Json &json) {
  VideoResult r;
  r.index = json.at("index").get<int>();
  r.video = json.at("video").get<std::string>();
  r.label = json.at("label").get<int>();
  if (json.contains("error")) {
    r.error = json.at("error").get<std::string>();
    return r;
  }
  r.frames = json.at("frames").get<int>();
  r.views = json.at("views").get<int>();
  r.decode_seconds = json.at("decode_seconds").get<double>();
  for (const Json &one : json.at("results")) {
    Verdict v;
    v.still_threshold = one.at("still_threshold").get<double>();
    v.drop_number = one.at("drop_number").get<int>();
    v.label_rank = one.at("label_rank").get<int>();
    v.label_probability = one.at("label_probability").get<double>();
    v.top = one.at("top").get<std::vector<std::pair<int, double>>>();
    v.spent = {one.at("seconds").get<double>(), one.at("tokens_per_view").get<double>() * r.views, one.at("gmacs_per_view").get<double>() * r.views};
    if (one.contains("probabilities")) v.probabilities = one.at("probabilities").get<std::vector<double>>();
    r.verdicts.push_back(std::move(v));
  }
  return r;
}

EvalState::EvalState(const std::string &path, const Json &settings) : path_(path) {
  if (path.empty()) return;
  file_ = std::fopen(path.c_str(), "a+e");
  if (!file_) throw RunError(path + ": cannot be written: " + std::strerror(errno));
  try {
    if (flock(fileno(file_), LOCK_EX | LOCK_NB) != 0) throw RunError(path + ": another evaluation is writing it");
    take_up(settings);
  } catch (...) {
    std::fclose(file_);
    throw;
  }
}

EvalState::~EvalState() {
  if (file_) std::fclose(file_);
}

// Reads the complete lines. Cuts off what follows the last of them.
void EvalState::take_up(const Json &settings) {
  std::string text;
  char buffer[65536];
  std::rewind(file_);
  for (size_t n; (n = std::fread(buffer, 1, sizeof(buffer), file_)) > 0;) text.append(buffer, n);
  const size_t whole = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
  bool headed = false;
  for (size_t at = 0, number = 1; at < whole; ++number) {
    const size_t end = text.find('\n', at);
    const auto json = Json::parse(text.begin() + static_cast<ptrdiff_t>(at), text.begin() + static_cast<ptrdiff_t>(end), nullptr, false);
    at = end + 1;
    if (!headed) {
      if (!json.is_object() || json.value("sta_eval", 0) != kFormat || !json.contains("settings"))
        throw RunError(path_ + ": is not a state file of sta eval (its first line should be {\"sta_eval\":" + std::to_string(kFormat) +
                       ", ...}): give another --state");
      if (const std::string other = difference(json["settings"], settings); !other.empty())
        throw RunError(path_ + ": was written with " + other + ": give another --state, or delete it to begin anew");
      headed = true;
      continue;
    }
    try {
      VideoResult result = result_of(json);
      if (result.error.empty()) finished_[result.index] = std::move(result);
    } catch (const Json::exception &) {
      throw RunError(path_ + ":" + std::to_string(number) + ": is damaged: delete that line, or the file to begin anew");
    }
  }
  if (whole < text.size() && ftruncate(fileno(file_), static_cast<off_t>(whole)) != 0)
    throw RunError(path_ + ": cannot be written: " + std::strerror(errno));
  std::fseek(file_, 0, SEEK_END);
  if (!headed) write({{"sta_eval", kFormat}, {"settings", settings}});
}

void EvalState::write(const Json &line) {
  const std::string text = dump(line) + "\n";
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size() || std::fflush(file_) != 0)
    throw RunError(path_ + ": cannot be written: " + std::strerror(errno));
}

void EvalState::append(const VideoResult &result) {
  if (file_) write(to_json(result));
}

}  // namespace cli
