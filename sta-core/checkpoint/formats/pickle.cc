// SPDX-License-Identifier: MIT
// See pickle.h.
#include "checkpoint/formats/pickle.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <unordered_map>

#include "checkpoint/formats/pickle_globals.h"
#include "checkpoint/formats/pickle_input.h"

namespace sta::pickle {
namespace {

// A checkpoint with optimizer state has about ten thousand values. One that also stores the order of a data set has a
// few hundred thousand.
constexpr size_t kMaxValues = 2'000'000;
constexpr size_t kMaxBytes = 64u << 20;
constexpr size_t kMaxMarks = 1000;

class Machine {
 public:
  explicit Machine(std::span<const uint8_t> bytes) : input_(bytes.first(std::min(bytes.size(), kMaxBytes))), graph_(std::make_unique<Graph>()) {}

  Result<std::unique_ptr<Graph>> run() {
    while (!graph_->root) {
      uint8_t op = 0;
      if (!input_.byte(op) || !step(op)) break;
    }
    if (!graph_->root) return Error{STA_ERROR_BAD_MODEL, error_.empty() ? "malformed pickle: it ends early" : error_};
    graph_->size = input_.at();
    return std::move(graph_);
  }

 private:
  bool fail(const std::string &what) {
    if (error_.empty()) error_ = "malformed pickle: " + what;
    return false;
  }

  // ---- stack
  size_t base() const { return marks_.empty() ? 0 : marks_.back(); }
  bool pop(Value *&out) {
    if (stack_.size() <= base()) return fail("an operation lacks its operand");
    out = stack_.back();
    stack_.pop_back();
    return true;
  }
  bool top(Value *&out) {
    if (stack_.size() <= base()) return fail("an operation lacks its operand");
    out = stack_.back();
    return true;
  }
  Value *make(Kind kind) {
    if (graph_->values.size() >= kMaxValues) {
      fail("more values than any checkpoint has");
      return nullptr;
    }
    Value &value = graph_->values.emplace_back();
    value.kind = kind;
    return &value;
  }
  bool push(Value *value) {
    if (!value) return false;
    if (stack_.size() >= kMaxValues) return fail("more values than any checkpoint has");
    stack_.push_back(value);
    return true;
  }
  bool push_int(int64_t i, Kind kind = Kind::kInt) {
    Value *v = make(kind);
    if (v) v->integer = i;
    return push(v);
  }
  bool push_float(double real) {
    Value *v = make(Kind::kFloat);
    if (v) v->real = real;
    return push(v);
  }
  bool push_text(std::string_view text, Kind kind) {
    Value *v = make(kind);
    if (v) v->text = text;
    return push(v);
  }
  bool push_sized_text(size_t length_bytes, Kind kind) {
    uint64_t length = 0;
    std::string_view text;
    return input_.number(length_bytes, length) && input_.take(length, text) && push_text(text, kind);
  }
  // Pops everything above the last mark into a new value.
  bool push_marked(Kind kind) {
    if (marks_.empty()) return fail("a mark is missing");
    Value *v = make(kind);
    if (!v || !pop_marked(v->items)) return false;
    if (kind == Kind::kDict && v->items.size() % 2 != 0) return fail("a dict has a key without a value");
    return push(v);
  }
  bool pop_marked(std::vector<Value *> &items) {
    if (marks_.empty()) return fail("a mark is missing");
    items.insert(items.end(), stack_.begin() + static_cast<ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return true;
  }
  bool push_tuple(size_t count) {
    Value *v = make(Kind::kTuple);
    if (!v) return false;
    v->items.resize(count);
    for (size_t i = count; i-- > 0;)
      if (!pop(v->items[i])) return false;
    return push(v);
  }
  bool push_long(std::string_view raw) {
    if (raw.size() > 8) return push_text(raw, Kind::kBigInt);
    uint64_t bits = 0;
    for (size_t i = 0; i < raw.size(); ++i) bits |= static_cast<uint64_t>(static_cast<uint8_t>(raw[i])) << (8 * i);
    // Two's complement of raw.size() bytes.
    if (!raw.empty() && raw.size() < 8 && (static_cast<uint8_t>(raw.back()) & 0x80)) bits |= ~uint64_t{0} << (8 * raw.size());
    return push_int(static_cast<int64_t>(bits));
  }

  // ---- memo
  bool put(uint64_t index) {
    Value *v = nullptr;
    if (!top(v)) return false;
    memo_[index] = v;
    return true;
  }
  bool get(uint64_t index) {
    const auto it = memo_.find(index);
    return it == memo_.end() ? fail("it refers to a value that was not stored") : push(it->second);
  }
  bool text_index(uint64_t &index) {
    std::string_view text;
    if (!input_.line(text)) return false;
    index = std::strtoull(std::string(text.substr(0, 20)).c_str(), nullptr, 10);
    return true;
  }

  // ---- operations that would call functions in Python
  Value *global(std::string_view module, std::string_view name) {
    Value *v = make(Kind::kGlobal);
    if (!v) return nullptr;
    v->text = graph_->texts.emplace_back(std::string(module) + "." + std::string(name));
    if (is_dangerous(v->text)) {
      error_ = std::string(kRefused) + "pickle wants to call " + printable(v->text);
      return nullptr;
    }
    return v;
  }
  bool call(const Value *callee, const Value *args) {
    if (!callee->is(Kind::kGlobal) && !callee->is(Kind::kObject)) return fail("it calls something that is not a function");
    if (!args->is(Kind::kTuple)) return fail("the arguments of a call are not a tuple");
    if (callee->is(Kind::kGlobal) && (callee->text == "collections.OrderedDict" || callee->text == "collections.defaultdict")) {
      Value *dict = make(Kind::kDict);
      if (!dict) return false;
      // Python 2 wrote OrderedDict([[key, value], ...]).
      if (!args->items.empty() && args->items[0]->is(Kind::kList))
        for (Value *pair : args->items[0]->items) {
          if ((!pair->is(Kind::kList) && !pair->is(Kind::kTuple)) || pair->items.size() != 2)
            return fail("an OrderedDict is made of something else than pairs");
          dict->items.insert(dict->items.end(), {pair->items[0], pair->items[1]});
        }
      return push(dict);
    }
    Value *object = make(Kind::kObject);
    if (!object) return false;
    object->callee = callee;
    object->args = args;
    return push(object);
  }
  bool call_top(size_t operands) {  // REDUCE, NEWOBJ: callee, args; NEWOBJ_EX: callee, args, kwargs
    Value *callee = nullptr, *args = nullptr, *kwargs = nullptr;
    if (operands == 3 && !pop(kwargs)) return false;
    return pop(args) && pop(callee) && call(callee, args);
  }
  bool add(std::vector<Value *> &items, bool pairs) {  // appends to the value at the top
    Value *target = nullptr;
    if (!top(target)) return false;
    const bool container = target->is(Kind::kObject) || target->is(pairs ? Kind::kDict : Kind::kList);
    if (!container || (pairs && items.size() % 2 != 0)) return fail("items are added to something that holds none");
    target->items.insert(target->items.end(), items.begin(), items.end());
    return true;
  }

  bool step(uint8_t op);
  bool step_text_protocol(uint8_t op);

  PickleInput input_;
  std::unique_ptr<Graph> graph_;
  std::vector<Value *> stack_;
  std::vector<size_t> marks_;  // stack heights
  std::unordered_map<uint64_t, Value *> memo_;
  std::string error_;
};

bool Machine::step(uint8_t op) {
  uint64_t n = 0;
  std::string_view text;
  Value *a = nullptr, *b = nullptr;
  std::vector<Value *> items;
  switch (op) {
    case 0x80:  // PROTO
      return input_.byte(op) && (op <= 5 || fail("protocol " + std::to_string(op)));
    case 0x95:  // FRAME
      return input_.number(8, n);
    case '.':  // STOP
      if (!pop(a)) return false;
      graph_->root = a;
      return true;
    case '(':  // MARK
      if (marks_.size() >= kMaxMarks) return fail("nested too deeply");
      marks_.push_back(stack_.size());
      return true;
    case '0':  // POP
      if (stack_.size() == base() && !marks_.empty()) return marks_.pop_back(), true;
      return pop(a);
    case '1':  // POP_MARK
      return pop_marked(items);
    case '2':  // DUP
      return top(a) && push(a);

    case 'N':  // NONE
      return push(make(Kind::kNone));
    case 0x88:  // NEWTRUE
    case 0x89:  // NEWFALSE
      return push_int(op == 0x88, Kind::kBool);
    case 'J':  // BININT
      return input_.number(4, n) && push_int(static_cast<int32_t>(static_cast<uint32_t>(n)));
    case 'K':  // BININT1
      return input_.number(1, n) && push_int(static_cast<int64_t>(n));
    case 'M':  // BININT2
      return input_.number(2, n) && push_int(static_cast<int64_t>(n));
    case 0x8a:  // LONG1
      return input_.number(1, n) && input_.take(n, text) && push_long(text);
    case 0x8b:  // LONG4
      return input_.number(4, n) && input_.take(n, text) && push_long(text);
    case 'G': {  // BINFLOAT, big-endian
      if (!input_.take(8, text)) return false;
      for (const char c : text) n = n << 8 | static_cast<uint8_t>(c);
      return push_float(std::bit_cast<double>(n));
    }
    case 'X':  // BINUNICODE
      return push_sized_text(4, Kind::kString);
    case 0x8c:  // SHORT_BINUNICODE
      return push_sized_text(1, Kind::kString);
    case 0x8d:  // BINUNICODE8
      return push_sized_text(8, Kind::kString);
    case 'T':  // BINSTRING: a str of Python 2
      return push_sized_text(4, Kind::kString);
    case 'U':  // SHORT_BINSTRING
      return push_sized_text(1, Kind::kString);
    case 'B':  // BINBYTES
      return push_sized_text(4, Kind::kBytes);
    case 'C':  // SHORT_BINBYTES
      return push_sized_text(1, Kind::kBytes);
    case 0x8e:  // BINBYTES8
    case 0x96:  // BYTEARRAY8
      return push_sized_text(8, Kind::kBytes);

    case '}':  // EMPTY_DICT
      return push(make(Kind::kDict));
    case ']':   // EMPTY_LIST
    case 0x8f:  // EMPTY_SET
      return push(make(Kind::kList));
    case ')':  // EMPTY_TUPLE
      return push(make(Kind::kTuple));
    case 't':   // TUPLE
    case 0x91:  // FROZENSET
      return push_marked(Kind::kTuple);
    case 'l':  // LIST
      return push_marked(Kind::kList);
    case 'd':  // DICT
      return push_marked(Kind::kDict);
    case 0x85:  // TUPLE1
    case 0x86:  // TUPLE2
    case 0x87:  // TUPLE3
      return push_tuple(static_cast<size_t>(op - 0x84));
    case 'a':  // APPEND
      if (!pop(a)) return false;
      items = {a};
      return add(items, false);
    case 'e':   // APPENDS
    case 0x90:  // ADDITEMS
      return pop_marked(items) && add(items, false);
    case 's':  // SETITEM
      if (!pop(b) || !pop(a)) return false;
      items = {a, b};
      return add(items, true);
    case 'u':  // SETITEMS
      return pop_marked(items) && add(items, true);

    case 'q':  // BINPUT
      return input_.number(1, n) && put(n);
    case 'r':  // LONG_BINPUT
      return input_.number(4, n) && put(n);
    case 0x94:  // MEMOIZE
      return put(memo_.size());
    case 'h':  // BINGET
      return input_.number(1, n) && get(n);
    case 'j':  // LONG_BINGET
      return input_.number(4, n) && get(n);

    case 'c': {  // GLOBAL
      std::string_view name;
      return input_.line(text) && input_.line(name) && push(global(text, name));
    }
    case 0x93:  // STACK_GLOBAL
      if (!pop(b) || !pop(a)) return false;
      if (!a->is(Kind::kString) || !b->is(Kind::kString)) return fail("the name of a global is not a string");
      return push(global(a->text, b->text));
    case 'R':   // REDUCE
    case 0x81:  // NEWOBJ
      return call_top(2);
    case 0x92:  // NEWOBJ_EX
      return call_top(3);
    case 'b':  // BUILD
      if (!pop(a) || !top(b)) return false;
      if (!b->is(Kind::kObject) && !b->is(Kind::kDict)) return fail("a state is given to something that has none");
      b->state = a;
      return true;
    case 'Q':  // BINPERSID
      if (!pop(a) || !(b = make(Kind::kPersistent))) return false;
      b->args = a;
      graph_->persistent.push_back(b);
      return push(b);
    default:
      return step_text_protocol(op);
  }
}

// The opcodes of protocol 0, whose arguments are lines of text.
bool Machine::step_text_protocol(uint8_t op) {
  uint64_t n = 0;
  std::string_view text, name;
  Value *args = nullptr;
  switch (op) {
    case 'I':  // INT
    case 'L':  // LONG
      if (!input_.line(text)) return false;
      if (text == "00" || text == "01") return push_int(text == "01", Kind::kBool);
      return push_int(std::strtoll(std::string(text.substr(0, 30)).c_str(), nullptr, 10));
    case 'F':  // FLOAT
      return input_.line(text) && push_float(std::strtod(std::string(text.substr(0, 60)).c_str(), nullptr));
    case 'S':  // STRING, quoted; escapes are not decoded: no name that matters has any
      if (!input_.line(text)) return false;
      if (text.size() < 2 || (text[0] != '\'' && text[0] != '"') || text.back() != text[0]) return fail("a string lacks its quotes");
      return push_text(text.substr(1, text.size() - 2), Kind::kString);
    case 'V':  // UNICODE
      return input_.line(text) && push_text(text, Kind::kString);
    case 'p':  // PUT
      return text_index(n) && put(n);
    case 'g':  // GET
      return text_index(n) && get(n);
    case 'i': {  // INST: arguments above the mark
      if (!input_.line(text) || !input_.line(name)) return false;
      const Value *callee = global(text, name);
      return callee && (args = make(Kind::kTuple)) && pop_marked(args->items) && call(callee, args);
    }
    case 'o': {  // OBJ: class and arguments above the mark
      if (!(args = make(Kind::kTuple)) || !pop_marked(args->items)) return false;
      if (args->items.empty()) return fail("an operation lacks its operand");
      const Value *callee = args->items.front();
      args->items.erase(args->items.begin());
      return call(callee, args);
    }
    default: {
      static constexpr char hex[] = "0123456789abcdef";
      return fail(std::string("unknown operation 0x") + hex[op >> 4] + hex[op & 15]);
    }
  }
}

}  // namespace

const Value *Value::find(std::string_view key) const {
  const Value *dict = is(Kind::kObject) ? state : this;
  if (!dict || !dict->is(Kind::kDict)) return nullptr;
  for (size_t i = dict->items.size(); i >= 2; i -= 2)
    if (dict->items[i - 2]->is(Kind::kString) && dict->items[i - 2]->text == key) return dict->items[i - 1];
  return nullptr;
}

Result<std::unique_ptr<Graph>> parse(std::span<const uint8_t> bytes) { return Machine(bytes).run(); }

}  // namespace sta::pickle
