// go.go -- net/http of Go's standard library; each request has a goroutine, and the runtime takes
// the processor from one that computes for long. How many cores it uses GOMAXPROCS says.
package main

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
)

func spin(steps uint64) uint32 {
	x := uint32(2463534242)
	for ; steps > 0; steps-- {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
	}
	return x
}

func main() {
	if len(os.Args) < 3 {
		fmt.Println(runtime.Version()[2:])
		return
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "pong")
	})
	http.HandleFunc("/cpu", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.ParseUint(r.URL.Query().Get("n"), 10, 64)
		fmt.Fprintln(w, spin(n))
	})
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[2], nil))
}
