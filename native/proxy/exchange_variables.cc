// Variables of one exchange: computed at first use, kept by slot.

#include "proxy/exchange.h"

namespace sluice {

namespace {

const Value nothing;

/// A variable may be defined by others, never by itself: nginx's limit tells the two apart.
constexpr int max_depth = 100;
thread_local int depth = 0;

}  // namespace

/// Values by slot. Only the states are cleared when it is made: most slots are never used.
class Exchange::VariableValues {
 public:
  enum class State : uint8_t {
    unknown,
    kept,
    passing,  ///< not cacheable: good until somebody wants it fresh
  };

  VariableValues(Arena& arena, size_t count)
      : values_(static_cast<Value*>(arena.allocate(count * sizeof(Value), alignof(Value)))),
        states_(arena.array<State>(count)) {}

  State state(VariableSlot slot) const { return states_[slot]; }
  const Value& value(VariableSlot slot) const { return values_[slot]; }
  const Value& store(VariableSlot slot, const Value& value, State state) {
    states_[slot] = state;
    return *::new (values_ + slot) Value(value);
  }

 private:
  Value* values_;
  std::span<State> states_;
};

Exchange::VariableValues& Exchange::variable_values() {
  Exchange& owner = *main_;
  if (!owner.values_) {
    owner.values_ = owner.arena.make<VariableValues>(owner.arena, runtime.variables.size());
  }
  return *owner.values_;
}

const Value& Exchange::variable(VariableSlot slot) {
  VariableValues& values = variable_values();
  if (values.state(slot) != VariableValues::State::unknown) return values.value(slot);
  return compute_variable(slot);
}

const Value& Exchange::fresh_variable(VariableSlot slot) {
  VariableValues& values = variable_values();
  if (values.state(slot) == VariableValues::State::kept) return values.value(slot);
  return compute_variable(slot);
}

const Value& Exchange::compute_variable(VariableSlot slot) {
  using State = VariableValues::State;
  const Variable& definition = runtime.variables[slot];
  if (depth == max_depth) {
    log(LogLevel::error, "cycle while evaluating variable \"%.*s\"", int(definition.name.size()),
        definition.name.data());
    return nothing;
  }
  depth++;
  Value value = definition.get ? definition.get(*this, definition.data) : Value::none();
  depth--;
  // The value outlives a subrequest that happened to be the first to ask.
  if (is_subrequest()) value.text = main_->arena.copy(value.text);
  return variable_values().store(slot, value, definition.cacheable ? State::kept : State::passing);
}

void Exchange::set_variable(VariableSlot slot, std::string_view value) {
  const Variable& definition = runtime.variables[slot];
  if (is_subrequest()) value = main_->arena.copy(value);
  if (definition.set) {
    definition.set(*this, value, definition.data);
  } else {
    variable_values().store(slot, Value::of(value), VariableValues::State::kept);
  }
}

}  // namespace sluice
