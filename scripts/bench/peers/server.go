// Go's net/http with the benchmark's routes, headers and bodies.   server PORT
package main

import (
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func answer(writer http.ResponseWriter, body []byte) {
	header := writer.Header()
	header["Server"] = []string{"go"}
	header["Content-Type"] = []string{"text/plain"}
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	writer.Write(body)
}

func fixed(body string) http.HandlerFunc {
	bytes := []byte(body)
	return func(writer http.ResponseWriter, _ *http.Request) { answer(writer, bytes) }
}

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /plain", fixed("Hello, world!"))
	mux.HandleFunc("GET /1k", fixed(strings.Repeat("x", 1024)))
	mux.HandleFunc("GET /10k", fixed(strings.Repeat("x", 10*1024)))
	mux.HandleFunc("GET /100k", fixed(strings.Repeat("x", 100*1024)))
	mux.HandleFunc("POST /echo", func(writer http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err == nil {
			answer(writer, body)
		}
	})
	mux.HandleFunc("GET /sleep", func(writer http.ResponseWriter, _ *http.Request) {
		time.Sleep(10 * time.Millisecond)
		answer(writer, []byte("Hello, world!"))
	})
	if err := http.ListenAndServe("127.0.0.1:"+os.Args[1], mux); err != nil {
		println(err.Error())
		os.Exit(1)
	}
}
