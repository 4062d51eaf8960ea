// go.go FOLDER -p PORT -- a folder by the file server of Go's standard library.
package main

import (
	"net/http"
	"os"
)

func main() {
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[3], http.FileServer(http.Dir(os.Args[1]))))
}
