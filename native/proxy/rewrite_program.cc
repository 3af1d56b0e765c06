#include "proxy/rewrite_program.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <variant>

#include "base/encode.h"
#include "http/join.h"
#include "modules/content_type.h"
#include "proxy/exchange.h"
#include "proxy/file_cache.h"
#include "proxy/runtime.h"
#include "proxy/template.h"

namespace sluice {

namespace {

using http::HeaderId;

struct SetVariable {
  VariableSlot variable = 0;
  Template value;
};

struct Break {};

struct Return {
  uint16_t status = 0;
  Template text;
};

struct Rewrite {
  enum class Then : uint8_t { next, last, stay, redirect };
  const Regex* regex = nullptr;
  Template replacement = {};
  Template args = {};
  Then then = Then::next;
  uint16_t status = 0;  // of a redirect
  bool has_query = false;
  bool drop_args = false;
};

enum class Test : uint8_t { set, equal, match, file, directory, exists, executable };

struct Condition {
  Test test = Test::set;
  bool negated = false;
  VariableSlot variable = 0;
  Template operand = {};  // what to compare with, or a path
  const Regex* regex = nullptr;
};

struct If {
  Condition condition = {};
  RewriteProgram body = {};
  const Block* block = nullptr;
  Verdict (*handler)(Exchange&) = nullptr;
};

constexpr std::pair<std::string_view, Test> test_names[] = {
    {"set", Test::set},
    {"equal", Test::equal},
    {"match", Test::match},
    {"file", Test::file},
    {"directory", Test::directory},
    {"exists", Test::exists},
    {"executable", Test::executable},
};

Condition read_condition(Runtime& runtime, const plan::Node& node) {
  Condition condition{.test = Test::set,
                      .negated = node["not"].boolean(),
                      .variable = VariableSlot(node["variable"].integer()),
                      .operand = Template::read(node["path"] ? node["path"] : node["value"]),
                      .regex = nullptr};
  auto found =
      std::ranges::find(test_names, node["test"].text(), &std::pair<std::string_view, Test>::first);
  if (found == std::end(test_names)) {
    runtime.fail("unknown condition in the Plan");
  } else {
    condition.test = found->second;
  }
  if (condition.test == Test::match) condition.regex = runtime.regex(node["regex"]);
  return condition;
}

Rewrite read_rewrite(Runtime& runtime, const plan::Node& node) {
  using Then = Rewrite::Then;
  Rewrite rewrite{.regex = runtime.regex(node["regex"]),
                  .replacement = Template::read(node["replacement"]),
                  .args = Template::read(node["args"]),
                  .then = Then::next,
                  .status = 0,
                  .has_query = node["hasQuery"].boolean(),
                  .drop_args = node["dropArgs"].boolean()};
  std::string_view flag = node["flag"].text();
  if (flag == "last") rewrite.then = Then::last;
  if (flag == "break") rewrite.then = Then::stay;
  if (flag == "redirect" || flag == "permanent") {
    rewrite.then = Then::redirect;
    rewrite.status = flag == "redirect" ? 302 : 301;
  }
  return rewrite;
}

// The statuses with which `return` takes its text for where to go.
bool is_redirect(uint16_t status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

struct RewriteProgram::Instruction {
  std::variant<SetVariable, Break, Return, Rewrite, If> operation;
};

RewriteProgram::RewriteProgram() = default;
RewriteProgram::~RewriteProgram() = default;
RewriteProgram::RewriteProgram(RewriteProgram&&) noexcept = default;
RewriteProgram& RewriteProgram::operator=(RewriteProgram&&) noexcept = default;

RewriteProgram RewriteProgram::read(Runtime& runtime, const plan::Node& node) {
  RewriteProgram program;
  program.instructions_.reserve(node.size());
  for (const plan::Node& item : node.items()) {
    std::string_view op = item["op"].text();
    if (op == "set") {
      program.instructions_.push_back(
          {SetVariable{VariableSlot(item["variable"].integer()), Template::read(item["value"])}});
    } else if (op == "break") {
      program.instructions_.push_back({Break{}});
    } else if (op == "return") {
      program.instructions_.push_back(
          {Return{uint16_t(item["status"].integer()), Template::read(item["text"])}});
    } else if (op == "rewrite") {
      program.instructions_.push_back({read_rewrite(runtime, item)});
    } else if (op == "if") {
      const plan::Node& handler = item["handler"];
      program.instructions_.push_back(
          {If{.condition = read_condition(runtime, item["condition"]),
              .body = read(runtime, item["body"]),
              .block = item["block"] ? runtime.block(item["block"]) : nullptr,
              .handler = handler ? runtime.handler(handler.text()) : nullptr}});
    } else {
      runtime.fail("unknown rewrite instruction in the Plan");
    }
  }
  return program;
}

/// One execution of a program and of the `if` bodies in it.
class RewriteProgram::Run {
 public:
  Run(Exchange& exchange, bool log) : exchange_(exchange), log_(log) {}

  /// Nothing: the program has come to its end; otherwise it was ended with this verdict.
  std::optional<Verdict> execute(const RewriteProgram& program) {
    for (const Instruction& instruction : program.instructions_) {
      std::optional<Verdict> end = std::visit(
          [this](const auto& operation) { return run(operation); }, instruction.operation);
      if (end) return end;
    }
    return std::nullopt;
  }

 private:
  using Escaping = Template::CaptureEscape;

  std::optional<Verdict> run(const SetVariable& set) {
    exchange_.set_variable(set.variable, value(set.value));
    return std::nullopt;
  }

  std::optional<Verdict> run(const Break&) {
    if (exchange_.uri_changed) {
      exchange_.valid_location = false;
      exchange_.uri_changed = false;
    }
    return Verdict::declined();
  }

  std::optional<Verdict> run(const Return& operation) {
    if (operation.status >= 400 && operation.text.is_constant() &&
        operation.text.constant().empty()) {
      return Verdict::status(operation.status);
    }
    if (!exchange_.body.discard()) return Verdict::status(400);
    std::string_view text = operation.text.evaluate(exchange_);
    if (is_redirect(operation.status)) {
      exchange_.response.headers.set(HeaderId::location, "Location", text);
      return Verdict::status(operation.status);
    }
    return exchange_.send_text(operation.status, content_type_of(exchange_), text);
  }

  std::optional<Verdict> run(const Rewrite& rewrite) {
    using Then = Rewrite::Then;
    switch (matches(*rewrite.regex, exchange_.uri)) {
      case Regex::Outcome::failed:
        return Verdict::status(500);
      case Regex::Outcome::no:
        return std::nullopt;
      case Regex::Outcome::yes:
        break;
    }
    exchange_.internal = true;
    exchange_.uri_is_original = false;
    if (rewrite.then == Then::stay) {
      exchange_.valid_location = false;
      exchange_.uri_changed = false;
    } else {
      exchange_.uri_changed = true;
    }
    if (rewrite.then == Then::redirect) {
      redirect(rewrite);
      return Verdict::status(rewrite.status);
    }
    if (!replace_uri(rewrite)) return Verdict::status(500);
    if (rewrite.then == Then::next) return std::nullopt;
    return Verdict::declined();
  }

  std::optional<Verdict> run(const If& operation) {
    std::optional<bool> holds = test(operation.condition);
    if (!holds) return Verdict::status(500);
    if (!*holds) return std::nullopt;
    if (operation.block) exchange_.use_block(*operation.block, operation.handler);
    return execute(operation.body);
  }

  void redirect(const Rewrite& rewrite) {
    std::string_view made = rewrite.replacement.evaluate(exchange_, encoded_uri());
    captures_escaped_ = false;
    std::span<char> decoded = exchange_.arena.text(made.size());
    std::string_view rest = made;
    char* end = unescape(Unescape::redirect, rest, decoded.data());
    std::string_view start(decoded.data(), size_t(end - decoded.data()));
    bool add_args = !rewrite.drop_args && !exchange_.args.empty();
    std::string_view target = http::join(exchange_.arena, {start, rest,
                                                           !add_args           ? ""
                                                           : rewrite.has_query ? "&"
                                                                               : "?",
                                                           add_args ? exchange_.args : ""});
    if (log_) {
      exchange_.log(LogLevel::notice, "rewritten redirect: \"%.*s\"", int(target.size()),
                    target.data());
    }
    exchange_.response.headers.set(HeaderId::location, "Location", target);
  }

  /// False: nothing is left of the URI.
  bool replace_uri(const Rewrite& rewrite) {
    std::string_view uri = rewrite.replacement.evaluate(exchange_);
    if (rewrite.args) {
      std::string_view args = rewrite.args.evaluate(exchange_, encoded_uri());
      if (!rewrite.drop_args && !exchange_.args.empty()) {
        args = http::join(exchange_.arena, {args, "&", exchange_.args});
      }
      exchange_.args = args;
    } else if (rewrite.drop_args) {
      exchange_.args = exchange_.args.substr(0, 0);
    }
    captures_escaped_ = false;
    if (log_) {
      exchange_.log(LogLevel::notice, "rewritten data: \"%.*s\", args: \"%.*s\"", int(uri.size()),
                    uri.data(), int(exchange_.args.size()), exchange_.args.data());
    }
    if (uri.empty()) {
      exchange_.log(LogLevel::error, "the rewritten URI has a zero length");
      return false;
    }
    exchange_.replace_uri(uri);
    return true;
  }

  /// Nothing: it could not be found out.
  std::optional<bool> test(const Condition& condition) {
    switch (condition.test) {
      case Test::set: {
        std::string_view text = exchange_.fresh_variable(condition.variable).text;
        return !text.empty() && text != "0";
      }
      case Test::equal: {
        std::string_view text = exchange_.fresh_variable(condition.variable).text;
        return (text == value(condition.operand)) != condition.negated;
      }
      case Test::match: {
        Regex::Outcome outcome =
            matches(*condition.regex, exchange_.fresh_variable(condition.variable).text);
        if (outcome == Regex::Outcome::failed) return std::nullopt;
        return (outcome == Regex::Outcome::yes) != condition.negated;
      }
      default:
        return holds(condition.test, value(condition.operand)) != condition.negated;
    }
  }

  bool holds(Test test, std::string_view path) {
    std::string_view terminated = http::join(exchange_.arena, {path, std::string_view("", 1)});
    FoundFile found = test_file(exchange_, terminated.substr(0, path.size()));
    if (!found) {
      if (found.error != ENOENT && found.error != ENOTDIR && found.error != ENAMETOOLONG) {
        exchange_.log_errno(LogLevel::crit, found.error, "%s \"%s\" failed", found.failed,
                            terminated.data());
      }
      return false;
    }
    switch (test) {
      case Test::file:
        return found.is_regular;
      case Test::directory:
        return found.is_directory;
      case Test::executable:
        return found.is_executable;
      default:
        return found.is_regular || found.is_directory;
    }
  }

  Regex::Outcome matches(const Regex& regex, std::string_view subject) {
    Regex::Outcome outcome = regex.apply(subject, exchange_);
    if (outcome == Regex::Outcome::failed) return outcome;
    if (log_) {
      std::string_view pattern = regex.pattern();
      exchange_.log(LogLevel::notice, "\"%.*s\" %s \"%.*s\"", int(pattern.size()), pattern.data(),
                    outcome == Regex::Outcome::yes ? "matches" : "does not match",
                    int(subject.size()), subject.data());
    }
    if (outcome == Regex::Outcome::no) exchange_.captures = {};
    return outcome;
  }

  // As nginx: until a rewrite has taken place, what `set` and `if` take from captures is escaped as
  // in arguments.
  std::string_view value(const Template& text) {
    return text.evaluate(exchange_, captures_escaped_ ? encoded_uri() : Escaping::none);
  }

  // Captures hold decoded text; it is encoded again only where the client had encoded something.
  Escaping encoded_uri() const {
    bool encoded = !exchange_.is_subrequest() &&
                   exchange_.request.path.find_first_of("%+") != std::string_view::npos;
    return encoded ? Escaping::args : Escaping::none;
  }

  Exchange& exchange_;
  const bool log_;
  bool captures_escaped_ = true;
};

Verdict RewriteProgram::run(Exchange& exchange, bool log) const {
  if (instructions_.empty()) return Verdict::declined();
  return Run(exchange, log).execute(*this).value_or(Verdict::declined());
}

}  // namespace sluice
