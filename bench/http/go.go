// go.go -- net/http of Go's standard library. Without arguments: its version.
package main

import (
	"io"
	"net/http"
	"os"
	"runtime"
)

func main() {
	if len(os.Args) < 3 {
		os.Stdout.WriteString(runtime.Version()[2:] + "\n")
		return
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = []string{"text/plain"}
		io.WriteString(w, "Hello, world!")
	})
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[2], nil))
}
