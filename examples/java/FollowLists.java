import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Follows everybody's lists, and keeps the newest of each user: FollowLists 127.0.0.1:9092 [penchant]. */
public final class FollowLists {
    private static final ObjectMapper JSON = new ObjectMapper();
    private final Map<String, JsonNode> lists = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        String prefix = arguments.length > 1 ? arguments[1] : "penchant";
        new FollowLists().follow(arguments[0], prefix + ".recommendations.v1");
    }

    /** Every process keeps all lists, so there is no group: all partitions, from their beginning. */
    void follow(String bootstrap, String topic) throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        settings.put("isolation.level", "read_committed");
        settings.put("auto.offset.reset", "earliest");
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            var partitions = consumer.partitionsFor(topic).stream()
                .map(each -> new TopicPartition(topic, each.partition()))
                .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            while (true) {
                for (ConsumerRecord<String, String> each : consumer.poll(Duration.ofSeconds(1))) {
                    take(each.key(), each.value());
                }
            }
        }
    }

    private void take(String userId, String value) throws Exception {
        if (value == null) { // erased: forget at once
            lists.remove(userId);
            System.out.println(userId + " was erased");
            return;
        }
        JsonNode made = JSON.readTree(value);
        if (lists.containsKey(userId) && made.get("version").asLong() < lists.get(userId).get("version").asLong()) {
            return; // an older list that came late
        }
        lists.put(userId, made);
        System.out.printf("%s v%d %s: %s%n", userId, made.get("version").asLong(), made.get("path").asText(),
            String.join(", ", made.get("items").findValuesAsText("item_id")));
    }
}
