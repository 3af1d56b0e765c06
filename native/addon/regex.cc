#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <memory>

#include "addon/exports.h"

/// Regular expressions are checked when the configuration is read; workers compile them again for
/// themselves.
namespace sluice::addon {

namespace {

struct CodeDeleter {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};

Napi::Array capture_names(Napi::Env env, const pcre2_code* code) {
  uint32_t count = 0;
  uint32_t entry_size = 0;
  PCRE2_SPTR table = nullptr;
  pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, &count);
  pcre2_pattern_info(code, PCRE2_INFO_NAMEENTRYSIZE, &entry_size);
  pcre2_pattern_info(code, PCRE2_INFO_NAMETABLE, &table);

  // pcre2api(3): an entry is the number, two bytes, most significant first, then the name,
  // NUL-terminated.
  Napi::Array names = Napi::Array::New(env);
  for (uint32_t i = 0; i < count; ++i) {
    PCRE2_SPTR entry = table + i * entry_size;
    Napi::Array pair = Napi::Array::New(env);
    pair.Set(0u, (entry[0] << 8) | entry[1]);
    pair.Set(1u, reinterpret_cast<const char*>(entry + 2));
    names.Set(i, pair);
  }
  return names;
}

/// checkRegex(pattern, caseless): { captures, names: [[number, name], …] }, or { error, offset }.
Napi::Value check_regex(const Napi::CallbackInfo& info) {
  const std::string pattern = latin1(info[0]);
  const uint32_t options = info[1].ToBoolean() ? PCRE2_CASELESS : 0;
  int error = 0;
  PCRE2_SIZE offset = 0;
  const std::unique_ptr<pcre2_code, CodeDeleter> code(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options, &error,
                    &offset, nullptr));

  Napi::Object result = Napi::Object::New(info.Env());
  if (!code) {
    PCRE2_UCHAR text[256];
    pcre2_get_error_message(error, text, sizeof text);
    result.Set("error", reinterpret_cast<const char*>(text));
    result.Set("offset", static_cast<double>(offset));
    return result;
  }
  uint32_t captures = 0;
  pcre2_pattern_info(code.get(), PCRE2_INFO_CAPTURECOUNT, &captures);
  result.Set("captures", captures);
  result.Set("names", capture_names(info.Env(), code.get()));
  return result;
}

}  // namespace

void export_regex(Napi::Env env, Napi::Object exports) {
  add(env, exports, {{"checkRegex", check_regex}});
}

}  // namespace sluice::addon
