/** What can be said of a hub's files, whose hashes nobody has published: the shards' names and lengths, and the form of the others. */
import * as v from 'valibot';
import { success, failure, type Result } from '../result.ts';
import type { ExpectedFile } from './download-file.ts';
import type { EngineError } from './engine.ts';
import { FileBytes, parseJson, ShardName } from './model-card.ts';

const TensorCache = v.object({
  records: v.pipe(
    v.array(v.object({ dataPath: v.pipe(v.string(), v.regex(ShardName, 'a shard’s name')), nbytes: FileBytes })),
    v.minLength(1),
    v.maxLength(2000),
  ),
});

/** The shards that a `tensor-cache.json` lists, with their lengths; `wrong-hash` where it cannot be read. */
export function shardsIn(bytes: Uint8Array<ArrayBuffer>): Result<readonly Required<Omit<ExpectedFile, 'sha256'>>[], EngineError> {
  const parsed = parseJson(TensorCache, bytes, 'tensor-cache.json');
  if (parsed.ok) return success(parsed.value.records.map(({ dataPath, nbytes }) => ({ name: dataPath, bytes: nbytes })));
  return failure({
    ...parsed.error,
    message: 'The list of this model’s files (tensor-cache.json) cannot be read.',
    nextStep: 'Choose another model.',
  });
}

/** What shows that bytes are not a file of this name, or not all of it; undefined if nothing does. */
export function flawOf(name: string, bytes: Uint8Array<ArrayBuffer>): string | undefined {
  if (name.endsWith('.wasm')) return WebAssembly.validate(bytes) ? undefined : 'not a whole WebAssembly module';
  if (!name.endsWith('.json')) return undefined;
  try {
    JSON.parse(new TextDecoder().decode(bytes));
    return undefined;
  } catch {
    return 'not whole JSON';
  }
}
