// A Go program: goroutines, preemption by signals, garbage collection, HTTP over loopback, signals, child processes.
// build: go build
package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
)

func main() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "hi %s", r.URL.Path) }))
	var wg sync.WaitGroup
	var bytes atomic.Int64
	for i := range 20 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r, err := http.Get(fmt.Sprintf("%s/%d", srv.URL, i))
			if err != nil {
				fmt.Println(err)
				return
			}
			b, _ := io.ReadAll(r.Body)
			r.Body.Close()
			bytes.Add(int64(len(b)))
		}()
	}
	wg.Wait()
	srv.Close()
	fmt.Println(bytes.Load())

	// Loops without a call end only if the collector, which stops them by signal, gets through.
	var stop bool
	for range 2 {
		go func() {
			for x := 0; !stop; x++ {
			}
		}()
	}
	var garbage [][]byte
	for range 10000 {
		if garbage = append(garbage, make([]byte, 1000)); len(garbage) > 1000 {
			garbage = nil
		}
	}
	for range 5 {
		runtime.GC()
	}
	fmt.Println(len(garbage))

	results := make(chan int)
	for range 100 {
		go func() {
			sum := 0
			for i := range 10000 {
				sum += i
			}
			results <- sum
		}()
	}
	total := 0
	for range 100 {
		total += <-results
	}
	fmt.Println(total)

	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println(<-c)
	func() {
		defer func() { fmt.Println(recover()) }()
		var p *int
		*p = 1
	}()
	out, err := exec.Command("/bin/echo", "child").Output()
	fmt.Print(string(out), err, "\n")
}
