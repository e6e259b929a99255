/** Hands a text to the person as a file, as a download does. */
export function saveFile(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/jsonl' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download has begun by then, or it was refused.
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 60_000);
}
