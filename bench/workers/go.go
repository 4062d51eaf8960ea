// go.go -- messages by Go's channels. See run. A slice is a reference: of any size it moves; in way_
// tasks of more than 64 B it is copied first, as everybody else copies.
package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

var tasks = map[string][2]int{
	"trip_64": {200000, 64}, "trip_64k": {200000, 65536}, "trip_16m": {200000, 16 << 20},
	"way_64": {3000000, 64}, "way_64k": {50000, 65536}, "way_16m": {200, 16 << 20},
}

func main() {
	if len(os.Args) < 2 {
		for name := range tasks {
			fmt.Println(name)
		}
		return
	}
	name := os.Args[1]
	n, size := tasks[name][0], tasks[name][1]
	there, back := make(chan []byte, 128), make(chan []byte, 128)
	echo := strings.HasPrefix(name, "trip")
	go func() {
		got := 0
		for m := range there {
			if got++; echo || got == n {
				back <- m
			}
		}
	}()
	message := make([]byte, size)
	began := time.Now()
	for i := 0; i < n; i++ {
		if echo {
			there <- message
			<-back
		} else {
			there <- append([]byte(nil), message...)
		}
	}
	if !echo {
		<-back
	}
	fmt.Printf("%s\twall\tns\t%g\n", name, float64(time.Since(began).Nanoseconds())/float64(n))
}
