import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Produces what a plan on standard input says (tests/foreign/plans.py), with Java's own client. */
public final class Produce {
    private static final String[][] SETTINGS = {
        {"codec", "compression.type"},
        {"linger_ms", "linger.ms"},
        {"idempotent", "enable.idempotence"},
        {"transactional_id", "transactional.id"},
        {"largest", "max.request.size"},
    };

    public static void main(String[] arguments) throws Exception {
        JsonNode plan = new ObjectMapper().readTree(System.in);
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (var producer = new KafkaProducer<>(settings(plan), new ByteArraySerializer(), new ByteArraySerializer())) {
            if (plan.hasNonNull("transactional_id")) {
                producer.initTransactions();
            }
            for (JsonNode step : plan.get("steps")) {
                switch (step.get("do").asText()) {
                    case "send" -> sent.add(producer.send(record(step)));
                    case "begin" -> producer.beginTransaction();
                    case "commit" -> producer.commitTransaction();
                    case "abort" -> producer.abortTransaction();
                    case "flush" -> producer.flush();
                    default -> throw new IllegalArgumentException("no such step: " + step);
                }
            }
            producer.flush();
            for (Future<RecordMetadata> each : sent) {
                each.get();
            }
        }
    }

    /** What is absent of the plan is left to the client. */
    private static Properties settings(JsonNode plan) {
        var made = new Properties();
        made.put("bootstrap.servers", plan.get("bootstrap").asText());
        for (String[] setting : SETTINGS) {
            if (plan.hasNonNull(setting[0])) {
                made.put(setting[1], plan.get(setting[0]).asText());
            }
        }
        if (plan.hasNonNull("largest")) {
            made.put("buffer.memory", Long.toString(2 * plan.get("largest").asLong()));
        }
        return made;
    }

    private static ProducerRecord<byte[], byte[]> record(JsonNode step) throws IOException {
        Integer partition = step.hasNonNull("partition") ? step.get("partition").asInt() : null;
        Long timestamp = step.hasNonNull("timestamp_ms") ? step.get("timestamp_ms").asLong() : null;
        var made = new ProducerRecord<>(
            step.get("topic").asText(), partition, timestamp, bytes(step, "key"), bytes(step, "value"));
        for (JsonNode header : step.get("headers")) {
            String name = new String(bytes(header, "name"), StandardCharsets.UTF_8);
            made.headers().add(new RecordHeader(name, bytes(header, "value")));
        }
        return made;
    }

    private static byte[] bytes(JsonNode node, String field) throws IOException {
        return node.hasNonNull(field) ? node.get(field).binaryValue() : null;
    }
}
