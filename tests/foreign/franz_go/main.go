// Produces what a plan on standard input says (tests/foreign/plans.py), with franz-go.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Header has bytes for a name: a Go string need not be UTF-8.
type Header struct {
	Name  []byte `json:"name"`
	Value []byte `json:"value"`
}

// Step is a record, or what is done between records.
type Step struct {
	Do          string   `json:"do"`
	Topic       string   `json:"topic"`
	Key         []byte   `json:"key"`
	Value       []byte   `json:"value"`
	Headers     []Header `json:"headers"`
	Partition   *int32   `json:"partition"`
	TimestampMS *int64   `json:"timestamp_ms"`
}

// Plan is all there is to do; what is nil is left to franz-go.
type Plan struct {
	Bootstrap       string  `json:"bootstrap"`
	Codec           *string `json:"codec"`
	LingerMS        *int64  `json:"linger_ms"`
	Idempotent      *bool   `json:"idempotent"`
	TransactionalID *string `json:"transactional_id"`
	Largest         *int32  `json:"largest"`
	Steps           []Step  `json:"steps"`
}

var codecs = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

// chosen puts a record on the partition that it names, and all others where the key belongs.
type chosen struct{ kgo.Partitioner }

type chosenTopic struct{ kgo.TopicPartitioner }

func (c chosen) ForTopic(topic string) kgo.TopicPartitioner {
	return chosenTopic{c.Partitioner.ForTopic(topic)}
}

func (c chosenTopic) Partition(record *kgo.Record, count int) int {
	if record.Partition >= 0 {
		return int(record.Partition)
	}
	return c.TopicPartitioner.Partition(record, count)
}

func options(plan Plan) []kgo.Opt {
	asked := []kgo.Opt{
		kgo.SeedBrokers(plan.Bootstrap),
		kgo.RecordPartitioner(chosen{kgo.StickyKeyPartitioner(nil)}),
	}
	if plan.Codec != nil {
		asked = append(asked, kgo.ProducerBatchCompression(codecs[*plan.Codec]))
	}
	if plan.LingerMS != nil {
		asked = append(asked, kgo.ProducerLinger(time.Duration(*plan.LingerMS)*time.Millisecond))
	}
	if plan.Idempotent != nil && !*plan.Idempotent {
		asked = append(asked, kgo.DisableIdempotentWrite())
	}
	if plan.TransactionalID != nil {
		asked = append(asked, kgo.TransactionalID(*plan.TransactionalID))
	}
	if plan.Largest != nil {
		asked = append(asked, kgo.ProducerBatchMaxBytes(*plan.Largest), kgo.BrokerMaxWriteBytes(2**plan.Largest))
	}
	return asked
}

func record(step Step) *kgo.Record {
	made := &kgo.Record{Topic: step.Topic, Key: step.Key, Value: step.Value, Partition: -1}
	for _, header := range step.Headers {
		made.Headers = append(made.Headers, kgo.RecordHeader{Key: string(header.Name), Value: header.Value})
	}
	if step.Partition != nil {
		made.Partition = *step.Partition
	}
	if step.TimestampMS != nil {
		made.Timestamp = time.UnixMilli(*step.TimestampMS)
	}
	return made
}

// end sends what is still buffered first, as franz-go wants it.
func end(ctx context.Context, client *kgo.Client, how kgo.TransactionEndTry) error {
	if err := client.Flush(ctx); err != nil {
		return err
	}
	return client.EndTransaction(ctx, how)
}

func run() error {
	var plan Plan
	if err := json.NewDecoder(os.Stdin).Decode(&plan); err != nil {
		return err
	}
	client, err := kgo.NewClient(options(plan)...)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	failures := make(chan error, len(plan.Steps))
	for _, step := range append(plan.Steps, Step{Do: "flush"}) {
		switch step.Do {
		case "send":
			client.Produce(ctx, record(step), func(_ *kgo.Record, err error) {
				if err != nil {
					failures <- err
				}
			})
		case "begin":
			err = client.BeginTransaction()
		case "commit":
			err = end(ctx, client, kgo.TryCommit)
		case "abort":
			err = end(ctx, client, kgo.TryAbort)
		case "flush":
			err = client.Flush(ctx)
		default:
			err = fmt.Errorf("no such step: %q", step.Do)
		}
		if err == nil && len(failures) > 0 {
			err = <-failures
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
