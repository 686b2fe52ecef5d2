// A photo whose upload has not ended, in IndexedDB, so that it is begun again after a reload.
const DATABASE = "brushwork";
const STORE = "uploads";
const PENDING = "pending";

export interface PendingUpload {
  readonly file: File;
  readonly key: string; // the Idempotency-Key: sent twice, it is stored once
}

/** Remember an upload that begins, or forget it once it has ended: null. */
export async function setPending(upload: PendingUpload | null): Promise<void> {
  await inStore("readwrite", (store) => (upload ? store.put(upload, PENDING) : store.delete(PENDING))).catch(() => {});
}

/** The upload that has not ended, if any. */
export async function getPending(): Promise<PendingUpload | null> {
  const found = await inStore<PendingUpload | undefined>("readonly", (store) => store.get(PENDING)).catch(
    () => undefined,
  );
  return found ?? null;
}

/** Do something in the store; refused in some private windows. */
function inStore<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const request = act(database.transaction(STORE, mode).objectStore(STORE));
      request.onsuccess = () => resolve(request.result as T);
      request.onerror = () => reject(request.error);
      request.transaction?.addEventListener("complete", () => database.close());
    };
  });
}
