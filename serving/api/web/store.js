/** What is known now, and who draws it: parts are told of the names that they follow. */

/**
 * @param {Record<string, any>} initial
 * @returns {{ get: (name: string) => any, set: (changes: Record<string, any>) => void,
 *             on: (names: string[], draw: () => void) => void }}
 */
export function makeStore(initial) {
  const known = { ...initial };
  /** @type {{ names: string[], draw: () => void }[]} */
  const followers = [];
  return {
    get: (name) => known[name],
    set(changes) {
      const changed = Object.keys(changes).filter((name) => known[name] !== changes[name]);
      Object.assign(known, changes);
      for (const each of followers) if (each.names.some((name) => changed.includes(name))) each.draw();
    },
    on(names, draw) {
      followers.push({ names, draw });
    },
  };
}
