/** Penchant's messages: `penchant schemas --typescript`. */

/**
 * An action on an item.
 *
 * type: view, click, cart, purchase, like, dismiss, impression, rate or what the weights file adds; absent: `ce_type`.
 * event_id: it counts once for its user; absent: `ce_id`, else `topic-partition-offset`. event_time: RFC 3339 with
 * zone, or milliseconds since 1970; absent: `ce_time`, else the record's timestamp. value: for `rate` the rating.
 * rating_scale: the lowest rating and the highest. list_version: which list it answers. position: the item's place on
 * that list, from 1. source: the site or app that it comes from. session_id: the visit that it belongs to. context:
 * its `language` (`zh`, `en-US`) is the one in which this user is told reasons; all else in it is ignored.
 */
export interface Click {
  user_id: string;
  item_id: string;
  type?: string | null;
  event_id?: string | null;
  event_time?: string | number | null;
  value?: number | null;
  rating_scale?: [number, number] | null;
  list_version?: number | null;
  position?: number | null;
  source?: string | null;
  session_id?: string | null;
  context?: unknown;
}

/**
 * A text by a user: a review of an item, or a statement.
 *
 * text: 32 KB at most, of which the encoder reads the first 256 tokens; may be empty if an item is rated. item_id: the
 * item that is reviewed; absent: a plain statement. event_id: it counts once for its user; absent: `ce_id`, else
 * `topic-partition-offset`. event_time: RFC 3339 with zone, or milliseconds since 1970; absent: `ce_time`, else the
 * record's timestamp. rating: on `rating_scale`. rating_scale: the lowest rating and the highest. list_version:
 * which list it answers. position: the item's place on that list, from 1. source: the site or app that it comes from.
 * session_id: the visit that it belongs to. context: its `language` (`zh`, `en-US`) is the one in which this user is
 * told reasons; all else in it is ignored.
 */
export interface Review {
  user_id: string;
  text: string;
  item_id?: string | null;
  event_id?: string | null;
  event_time?: string | number | null;
  rating?: number | null;
  rating_scale?: [number, number] | null;
  list_version?: number | null;
  position?: number | null;
  source?: string | null;
  session_id?: string | null;
  context?: unknown;
}

/**
 * An item of the catalogue; a record without a value removes the item that its key names.
 *
 * title: 4 KB at most; it or `text` is needed. text: a description, 32 KB at most. facets: names, each with a text, a
 * number, or a list of them; numbers are found by ranges; with the title 32 KB at most as JSON. available: whether it
 * may be recommended.
 */
export interface Item {
  item_id: string;
  title?: string;
  text?: string;
  facets?: Record<string, string | string[]>;
  available?: boolean;
}

/**
 * What is asked about a user; each command is answered by a receipt.
 *
 * command_id: the key of the receipt. type: `retract`, `merge` or `erase`. event_time: as of an event. event_id: which
 * event to retract. anonymous_id: for `merge`: who is merged into `user_id`. event: for `retract` of an event that is
 * long gone, that event as it was sent, with its `event_time`.
 */
export interface Command {
  command_id: string;
  type: string;
  user_id: string;
  event_time?: string | number | null;
  event_id?: string | null;
  anonymous_id?: string | null;
  event?: Record<string, unknown> | null;
}

/**
 * An item as embedded, for every ranker; a record without a value removes it.
 *
 * vector: of title and text: base64 of `(d,) float16`, a centred unit row. facet_text: the facets in words.
 * facet_vector: of these, likewise. revision: a digest of what was embedded. fingerprint: of the model folder.
 */
export interface ItemVector {
  item_id: string;
  title: string;
  facets: Record<string, string | string[]>;
  available: boolean;
  revision: string;
  fingerprint: string;
  vector: string;
  facet_text?: string;
  facet_vector?: string;
}

/**
 * The co-visits of one micro-batch and source partition; a follower applies an offset once.
 *
 * topic: where the events stand. partition: likewise. first: the lowest offset that is covered. last: the highest.
 */
export interface CoVisits {
  topic: string;
  partition: number;
  first: number;
  last: number;
  events: CoVisitEvent[];
}

/**
 * A user's list; a null after erasure. Under the key `*` stands the trending list.
 *
 * version: grows by user, with gaps; a lower one that comes later is outdated. expires_at: prefer the trending list
 * from then on. fingerprint: of the model folder. path: `live` from the user's interests, `cached` while a text is
 * pending, `trending` where nothing is known of the user. variant: of the experiment that is running; absent without
 * one. cause: the newest event that it names; null under `*`. folded: what was taken in since the version before, 256
 * at most. folded_more: how many more. items: best first.
 */
export interface RecommendationList {
  user_id: string;
  version: number;
  generated_at: string;
  expires_at: string;
  fingerprint: string;
  path: "cached" | "live" | "trending";
  variant?: string;
  cause: Cause | null;
  folded: Folded[];
  folded_more?: number;
  items: ListItem[];
}

/**
 * The newest event behind a list.
 */
export interface Cause {
  topic: string;
  partition: number;
  offset: number;
  event_id: string;
  event_time: string;
}

/**
 * An event or command taken in since the version before.
 *
 * event_id: of a command its `command_id`. waiting: it is pending, for its item's vector or for the encoder; it is
 * named again once it is folded. duplicate: it had come before.
 */
export interface Folded {
  topic: string;
  partition: number;
  offset: number;
  event_id: string;
  waiting?: boolean;
  duplicate?: boolean;
}

/**
 * One entry of a list.
 *
 * score: points; the list is in their order but for rules, variety and exploration slots. source: the largest part of
 * the score.
 */
export interface ListItem {
  item_id: string;
  score: number;
  source: "content" | "covisit" | "explore" | "popular";
  reasons?: Reason[];
}

/**
 * Why an item is on a list.
 *
 * event_id: the event that it comes from; null: no event of the user. share: its part of the item's positive points,
 * at most 1 together. words: it in words; never a quotation of what another user wrote. code: what they say, for
 * programs; docs/explanations.md has all codes.
 */
export interface Reason {
  event_id: string | null;
  share: number;
  words: string;
  code?: string;
}

/**
 * What was done about a command. It names no user.
 *
 * type: the command's. reason: why it was refused, or what else is to be said; may be empty. removed: of an erasure,
 * how much of what.
 */
export interface Receipt {
  command_id: string;
  type: string;
  status: "done" | "refused";
  reason: string;
  completed_at: string;
  removed?: Record<string, number>;
}

/**
 * Who commanded what, and what was done: as the command came, and once more if that was later.
 *
 * type: the command's. status: `waiting` until its event, or another owner, has come; `forwarded` to the owner of the
 * user whom this one was merged into. reason: as in the receipt. at: when it was decided. users: whom it is about,
 * both of a merge, as keyed digests: HMAC-SHA256 of the id by `PENCHANT_ERASURE_SECRET`. position: where the command
 * stands, topic-partition-offset; null: it was told before. sent_at: that record's timestamp. signed_by: the name of
 * the key that signed it; null: none was needed. source: who says to have sent it (`ce_source`); nobody vouches for
 * that.
 */
export interface AuditedCommand {
  command_id: string;
  type: string;
  status: "done" | "forwarded" | "refused" | "waiting";
  reason: string;
  at: string;
  users: string[];
  position?: string | null;
  sent_at?: string | null;
  signed_by?: string | null;
  source?: string | null;
}
