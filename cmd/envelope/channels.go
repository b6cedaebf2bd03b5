package main

import (
	"os"
	"time"

	"envelope/capture"
	"envelope/capture/logs"
)

// readChannels reads the message lists of --channel; times without a zone are
// of the one given.
func readChannels(paths []string, zone *time.Location) ([]capture.MessageList, error) {
	var lists []capture.MessageList
	for _, path := range paths {
		list, err := readChannel(path, zone)
		if err != nil {
			return nil, usage("a message list is CSV with a header line (time, size, kind) or JSON with such keys", "--channel: %w", err)
		}
		lists = append(lists, *list)
	}
	return lists, nil
}

func readChannel(path string, zone *time.Location) (*capture.MessageList, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return logs.ReadMessageList(file, path, zone)
}
