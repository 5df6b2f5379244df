// SPDX-License-Identifier: MIT
// See eval_report.h.
#include "eval_report.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "eval_state.h"
#include "options.h"

namespace cli {
namespace {

using Json = nlohmann::ordered_json;

// With up to this many classes, prints a square table. A larger one is not readable; then it prints the commonest
// confusions.
constexpr size_t kLargestTable = 16;
constexpr size_t kCommonest = 10;

void print_table(const EvalReport &report, const Tally &t) {
  const size_t n = report.labels.size();
  std::printf("\n%-24s", "true \\ predicted");
  for (size_t j = 0; j < n; ++j) std::printf(" %5zu", j);
  std::printf("\n");
  for (size_t i = 0; i < n; ++i) {
    std::printf("%2zu %-21.21s", i, report.labels[i].c_str());
    for (size_t j = 0; j < n; ++j) {
      const auto it = t.confusion.find({static_cast<int>(i), static_cast<int>(j)});
      if (it == t.confusion.end())
        std::printf("     .");
      else
        std::printf(" %5lld", static_cast<long long>(it->second));
    }
    std::printf("\n");
  }
}

void print_commonest(const EvalReport &report, const Tally &t) {
  std::vector<std::pair<int64_t, std::pair<int, int>>> wrong;
  for (const auto &[pair, count] : t.confusion)
    if (pair.first != pair.second) wrong.emplace_back(-count, pair);
  std::sort(wrong.begin(), wrong.end());
  if (wrong.empty()) return;
  std::printf("\ncommonest confusions\n");
  for (size_t i = 0; i < wrong.size() && i < kCommonest; ++i)
    std::printf("%6lld  %s taken for %s\n", static_cast<long long>(-wrong[i].first),
                report.labels[static_cast<size_t>(wrong[i].second.first)].c_str(),
                report.labels[static_cast<size_t>(wrong[i].second.second)].c_str());
}

std::string clock_text(double seconds) {
  char text[40];
  const long s = static_cast<long>(seconds + 0.5);
  std::snprintf(text, sizeof(text), "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
  return text;
}

Json point_json(const EvalPoint &p) {
  Json confusion = Json::array();
  for (const auto &[pair, count] : p.tally.confusion) confusion.push_back({pair.first, pair.second, count});
  const double s = p.tally.spent.seconds;
  return {{"still_threshold", p.still_threshold},
          {"drop_number", p.drop_number},
          {"tokens_per_view", p.tokens},
          {"gmacs_per_view", p.gmacs},
          {"top1", p.tally.top1()},
          {"top5", p.tally.top5()},
          {"videos", p.tally.videos},
          {"views", p.tally.views},
          {"forward_seconds", s},
          {"views_per_second", s > 0 ? static_cast<double>(p.tally.views) / s : 0},
          {"confusion", std::move(confusion)}};
}

}  // namespace

std::vector<VideoResult> EvalReport::broken() const {
  std::vector<VideoResult> list;
  for (const VideoResult &v : videos)
    if (!v.error.empty()) list.push_back(v);
  return list;
}

void tally(EvalReport &report) {
  for (const VideoResult &video : report.videos)
    for (const Verdict &verdict : video.verdicts)
      for (EvalPoint &point : report.points)
        if (point.still_threshold == verdict.still_threshold && point.drop_number == verdict.drop_number) point.tally.add(video, verdict);
  for (EvalPoint &point : report.points) {
    if (point.tally.views == 0) continue;
    point.tokens = point.tally.tokens();
    point.gmacs = point.tally.gmacs();
  }
}

void print_report(const EvalReport &report) {
  std::printf("%s, %s\n", report.model.c_str(), report.device.c_str());
  const bool still = std::any_of(report.points.begin(), report.points.end(), [](const EvalPoint &p) { return p.still_threshold > 0; });
  if (still) std::printf("%6s %8s ", "still", "tokens");
  std::printf("%6s %10s %8s %8s %12s %12s\n", "r", "GMACs", "top-1", "top-5", "views/s", "speed-up");
  const EvalPoint *dense = nullptr;
  for (const EvalPoint &p : report.points)
    if (p.drop_number == 0 && p.still_threshold == 0) dense = &p;
  for (const EvalPoint &p : report.points) {
    const double seconds = p.tally.spent.seconds, speed = seconds > 0 ? static_cast<double>(p.tally.views) / seconds : 0;
    if (still) std::printf("%6g %8.1f ", p.still_threshold, p.tokens);
    std::printf("%6d %10.2f %7.2f%% %7.2f%% %12.2f", p.drop_number, p.gmacs, 100 * p.tally.top1(), 100 * p.tally.top5(), speed);
    if (dense && dense != &p && seconds > 0)
      std::printf(" %11.2fx\n", dense->tally.spent.seconds / seconds);
    else
      std::printf(" %12s\n", "-");
  }
  const auto broken = report.broken();
  if (!report.points.empty() && report.points[0].tally.videos > 0) {
    if (report.labels.size() <= kLargestTable)
      print_table(report, report.points[0].tally);
    else
      print_commonest(report, report.points[0].tally);
  }
  const size_t here = report.videos.size() - report.taken_up;
  std::printf("\n%zu videos", report.videos.size());
  if (report.taken_up > 0) std::printf(", %zu of them from the state file", report.taken_up);
  if (here > 0 && report.seconds > 0)
    std::printf(", %s, %.2f videos/s", clock_text(report.seconds).c_str(), static_cast<double>(here) / report.seconds);
  std::printf(", %zu could not be read\n", broken.size());
}

void write_report(const EvalReport &report, const std::string &path) {
  Json out = {{"sta_eval", 1}, {"model", report.model}, {"device", report.device}, {"settings", report.settings}, {"labels", report.labels}};
  out["videos"] = report.videos.size();
  out["broken"] = report.broken().size();
  out["taken_up"] = report.taken_up;
  out["seconds"] = report.seconds;
  out["results"] = Json::array();
  for (const EvalPoint &p : report.points) out["results"].push_back(point_json(p));
  out["per_video"] = Json::array();
  for (const VideoResult &v : report.videos) out["per_video"].push_back(to_json(v));
  // The file appears complete or not at all.
  const std::string part = path + ".part";
  std::ofstream file(part, std::ios::binary);
  file << out.dump(1, ' ', false, Json::error_handler_t::replace) << "\n";
  file.close();
  if (!file || std::rename(part.c_str(), path.c_str()) != 0) throw RunError(path + ": cannot be written");
}

EvalProgress::EvalProgress(size_t videos, size_t done)
    : terminal_(isatty(STDERR_FILENO)), videos_(videos), before_(done), done_(done), shown_(begin_) {
  if (done > 0) note(std::to_string(done) + " of " + std::to_string(videos) + " videos are taken up from the state file");
}

EvalProgress::~EvalProgress() { clear(); }

void EvalProgress::clear() {
  if (terminal_) std::fprintf(stderr, "\r\033[K");
}

void EvalProgress::note(const std::string &line) {
  clear();
  std::fprintf(stderr, "sta eval: %s\n", line.c_str());
}

void EvalProgress::video(int views, double top1) {
  ++done_;
  views_ += views;
  const auto now = Clock::now();
  const bool due = now - shown_ >= (terminal_ ? std::chrono::milliseconds(200) : std::chrono::milliseconds(60'000));
  if (!due) return;
  shown_ = now;
  const double spent = std::chrono::duration<double>(now - begin_).count(), here = static_cast<double>(done_ - before_);
  const double left = spent / here * static_cast<double>(videos_ - done_);
  char text[200];
  std::snprintf(text, sizeof(text), "%zu of %zu videos, top-1 %.2f %%, %.1f views/s, %s left", done_, videos_, 100 * top1,
                static_cast<double>(views_) / spent, clock_text(left).c_str());
  if (!terminal_) {
    note(text);
    return;
  }
  constexpr int kBar = 24;
  const int full = static_cast<int>(kBar * done_ / std::max<size_t>(1, videos_));
  std::fprintf(stderr, "\r\033[K[%s%s] %s", std::string(static_cast<size_t>(full), '#').c_str(),
               std::string(static_cast<size_t>(kBar - full), ' ').c_str(), text);
  std::fflush(stderr);
}

}  // namespace cli
