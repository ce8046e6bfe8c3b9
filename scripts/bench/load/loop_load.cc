// The load of the event loops' benchmark.
//
//   loop_load echo ADDRESS CONNECTIONS BYTES
//       each connection sends BYTES, waits until the same have come back, and sends again
//   loop_load get ADDRESS CONNECTIONS PATH
//       each connection GETs PATH over HTTP/1.1, again and again
//   loop_load connect ADDRESS CONNECTIONS
//       connects, and waits until the other side closes
//   loop_load accept
//       is the other side for those who connect: prints its port and closes what they close
//
// ADDRESS: tcp:PORT, tls:PORT, udp:PORT or unix:PATH. Prints "open" and what the connections are
// when all of them work; then, for each line with a number of seconds on standard input,
// operations, seconds and segments of TCP that came with data. Anything that was not asked for (a
// lost connection, other bytes, no answer) ends it with status 1.
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "churn.h"
#include "exchange.h"

namespace {

std::string get_request(std::string_view path) {
  return "GET " + std::string(path) +
         " HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: loop_load\r\nAccept: */*\r\n\r\n";
}

// Answers the lines of standard input.
template <typename Run>
int serve(const std::string& description, Run run) {
  printf("open %s\n", description.c_str());
  fflush(stdout);
  char line[64];
  while (fgets(line, sizeof line, stdin) != nullptr) {
    const Counted counted = run(atof(line));
    printf("%llu %.6f %llu\n", static_cast<unsigned long long>(counted.operations), counted.seconds,
           static_cast<unsigned long long>(counted.segments));
    fflush(stdout);
  }
  return 0;
}

int serve(Exchange exchange) {
  return serve(exchange.description(), [&](double seconds) { return exchange.run(seconds); });
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "accept" && argc == 2) {
    accept_and_close();
    return 0;
  }
  if (argc < 4 || atoi(argv[3]) < 1) {
    fprintf(stderr, "usage: loop_load echo|get|connect ADDRESS CONNECTIONS [BYTES|PATH]\n");
    return 2;
  }
  const Address address = Address::parse(argv[2]);
  const int connections = atoi(argv[3]);
  if (mode == "connect") {
    return serve("",
                 [&](double seconds) { return connect_and_close(address, connections, seconds); });
  }
  if (argc != 5) fail("BYTES or PATH is missing");
  if (mode == "get") {
    return serve({address, connections, get_request(argv[4]), Exchange::Answer::kHttp200});
  }
  if (mode != "echo") fail("echo, get, connect or accept");
  return serve(
      {address, connections, noise(strtoull(argv[4], nullptr, 10)), Exchange::Answer::kSameBytes});
}
