{
  # -lssl, -lcrypto and -lnghttp2 must never be added: the Node executable exports those symbols itself,
  # and a second copy of OpenSSL in the process breaks both.
  "targets": [
    {
      "target_name": "sluice",
      "sources": [
        "<!@(find native -name '*.cc' -not -path 'native/test/*' -not -path 'native/fuzz/*' -not -path 'native/fstack/*' | LC_ALL=C sort)"
      ],
      "include_dirs": ["native", "<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=9", "NODE_ADDON_API_DISABLE_DEPRECATED", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS"],
      "cflags!": ["-O3", "-Wno-unused-parameter"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": [
        "-std=c++20", "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden",
        "-Wall", "-Wextra", "-Werror",
        # A thread's own variables are used at every turn: without a call each. They have to fit into what glibc
        # reserves for libraries loaded later, some 1.5 KB; else the addon does not load.
        "-ftls-model=initial-exec",
        # GCC 12 sees uninitialised members where a std::variant is moved.
        "-Wno-maybe-uninitialized"
      ],
      # Of ngtcp2 never the crypto helper libraries: they bring another TLS along.
      "libraries": ["-lpcre2-8", "-lngtcp2", "-lnghttp3"],
      "configurations": {
        # A request passes through more code than a processor's first cache holds: what counts is how little it is.
        "Release": {
          "cflags": [
            "-O2", "-g1", "-fomit-frame-pointer", "-fno-plt", "-fno-align-loops", "-fno-align-jumps", "-fno-align-labels"
          ]
        },
        "Sanitize": {
          "inherit_from": ["Release"],
          "cflags": [
            "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"
          ],
          "ldflags": ["-fsanitize=address,undefined"]
        }
      }
    }
  ]
}
