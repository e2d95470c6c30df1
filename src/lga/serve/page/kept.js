/** Results that outlive a reload: they lie in this browser, with the clips they are about. */

const [DATABASE, STORE, VERSION] = ["lga", "results", 1];
const MOST = 20;
const UNKEPT = { all: async () => [], put: async () => {}, remove: async () => {} };

/** Where results are kept, the newest 20; where a browser keeps nothing, so does this. */
export async function openKept() {
  try {
    const opening = indexedDB.open(DATABASE, VERSION);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "id" });
    const database = await done(opening);
    const store = (mode) => database.transaction(STORE, mode).objectStore(STORE);
    return {
      all: async () => (await done(store("readonly").getAll())).sort((one, other) => other.id - one.id),
      put: (entry) => quietly(async () => {
        await done(store("readwrite").put(entry));
        const ids = await done(store("readonly").getAllKeys());
        for (const id of ids.slice(0, -MOST)) await done(store("readwrite").delete(id));
      }),
      remove: (entry) => quietly(() => done(store("readwrite").delete(entry.id))),
    };
  } catch {
    return UNKEPT;
  }
}

/** What differs when anything that is taught differs: a short text. */
export function markOf(actions) {
  const told = actions.map((one) => [
    one.label,
    one.stages.map((stage) => stage.sentence),
    one.examples.map((example) => example.digest).sort(),
  ]);
  let mark = 0xcbf29ce484222325n; // FNV-1a, 64 bits; crypto.subtle is not there on plain http
  for (const byte of new TextEncoder().encode(JSON.stringify(told))) {
    mark = BigInt.asUintN(64, (mark ^ BigInt(byte)) * 0x100000001b3n);
  }
  return mark.toString(16);
}

/** A full disk or a private window keeps a result from being kept, not from being shown. */
async function quietly(work) {
  try {
    await work();
  } catch (error) {
    console.warn("lga: a result is not kept:", error.message);
  }
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
