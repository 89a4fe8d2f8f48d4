// Follows everybody's lists on Kafka, and keeps the newest of each user: node follow-kafka.mjs 127.0.0.1:9092 [penchant]
// Out of the box KafkaJS reads plain and gzip records; docs/consumers.md has what else it needs.
import { randomUUID } from "node:crypto";
import { Kafka, logLevel } from "kafkajs";

const [bootstrap = "127.0.0.1:9092", prefix = "penchant"] = process.argv.slice(2);
/** @type {Map<string, import("./penchant.d.ts").RecommendationList>} */
const lists = new Map();

/** The list for a user: the user's own while it is good, else what trends. */
export function listFor(userId, now = new Date()) {
  const own = lists.get(userId);
  return own && new Date(own.expires_at) > now ? own : (lists.get("*") ?? own);
}

function take(userId, value) {
  if (value === null) {
    lists.delete(userId); // erased: forget at once
    console.log(`${userId} was erased`);
    return;
  }
  const made = JSON.parse(value.toString());
  if (made.version < (lists.get(userId)?.version ?? 0)) return; // an older list that came late
  lists.set(userId, made);
  console.log(`${userId} v${made.version} ${made.path}: ${made.items.map((item) => item.item_id).join(", ")}`);
}

const kafka = new Kafka({ brokers: bootstrap.split(","), logLevel: logLevel.ERROR });
// Every process keeps all lists, so each is a group of its own, and reads from the beginning.
const consumer = kafka.consumer({ groupId: `lists-${randomUUID()}`, readUncommitted: false });
await consumer.connect();
await consumer.subscribe({ topic: `${prefix}.recommendations.v1`, fromBeginning: true });
await consumer.run({ eachMessage: async ({ message }) => take(message.key.toString(), message.value) });
