#pragma once

#include <cstdint>

namespace sluice::h2 {

/// SETTINGS of WebTransport sessions (draft-ietf-webtrans-http2-14, 11.2).
enum class WebTransportSetting : int32_t {
  max_sessions = 0x2b60,
  data,
  unidirectional_stream_data,
  bidirectional_stream_data,
  unidirectional_streams,
  bidirectional_streams,
};

/// What each session of a connection may send at first, in bytes, and how many streams it may open.
struct WebTransportWindows {
  uint32_t data = 0;
  uint32_t stream_data[2] = {0, 0};  ///< of streams that go one way, and both
  uint32_t streams[2] = {0, 0};

  void set(int32_t id, uint32_t value) {
    switch (WebTransportSetting(id)) {
      case WebTransportSetting::data:
        data = value;
        break;
      case WebTransportSetting::unidirectional_stream_data:
        stream_data[0] = value;
        break;
      case WebTransportSetting::bidirectional_stream_data:
        stream_data[1] = value;
        break;
      case WebTransportSetting::unidirectional_streams:
        streams[0] = value;
        break;
      case WebTransportSetting::bidirectional_streams:
        streams[1] = value;
        break;
      default:
        break;
    }
  }
};

}  // namespace sluice::h2
