// A simulator in Go: a goroutine per connection reads, parses every delivery's JSON and keeps its latency in a histogram.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

var start = time.Now()

type frame struct {
	Deliver string `json:"deliver"`
	In      int    `json:"in"`
	From    int    `json:"from"`
}

var buckets [4096]atomic.Int64

func env(name string) float64 {
	value, err := strconv.ParseFloat(os.Getenv(name), 64)
	if err != nil {
		panic(name)
	}
	return value
}

func live(number, rooms int, interval time.Duration, text string) {
	link, _, err := websocket.DefaultDialer.Dial(os.Getenv("BENCH_URL")+"/", nil)
	if err != nil {
		panic(err)
	}
	room := number%rooms + 1
	link.WriteMessage(websocket.TextMessage, []byte(fmt.Sprintf(`{"hello":"user-%d"}`, number)))
	link.WriteMessage(websocket.TextMessage, []byte(fmt.Sprintf(`{"join":%d}`, room)))
	go func() {
		for {
			time.Sleep(interval)
			message := fmt.Sprintf(`{"send":"%016d%s","to":%d}`, time.Since(start).Microseconds(), text, room)
			if link.WriteMessage(websocket.TextMessage, []byte(message)) != nil {
				return
			}
		}
	}()
	for {
		_, data, err := link.ReadMessage()
		if err != nil {
			return
		}
		var received frame
		if json.Unmarshal(data, &received) == nil && received.Deliver != "" {
			sent, _ := strconv.ParseInt(received.Deliver[:16], 10, 64)
			latency := (time.Since(start).Microseconds() - sent) / 100
			buckets[min(max(latency, 0), 4095)].Add(1)
		}
	}
}

func main() {
	rooms, text := int(env("BENCH_ROOMS")), strings.Repeat("x", max(0, int(env("BENCH_SIZE"))-16))
	interval := time.Duration(env("BENCH_INTERVAL_S") * float64(time.Second))
	for number := range int(env("BENCH_CLIENTS")) {
		go live(number, rooms, interval, text)
		time.Sleep(2 * time.Millisecond)
	}
	time.Sleep(time.Duration(env("BENCH_SECONDS") * float64(time.Second)))
}
