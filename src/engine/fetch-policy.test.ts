import { describe, expect, it } from 'vitest';
import { contentSecurityPolicy } from '../../scripts/security-headers.ts';
import { blockedHosts, hostNotAllowed } from './fetch-policy.ts';

const page = 'https://app.example.org/tabletalk/';
const hub = 'https://huggingface.co/mlc-ai/some/resolve/main/';
const library = 'https://raw.githubusercontent.com/mlc-ai/some.wasm';

describe('blockedHosts', () => {
  it('knows that a page built without hosts fetches from its own only', () => {
    const policy = contentSecurityPolicy([], 'meta');
    expect(blockedHosts([`${page}models/small/`], policy, page)).toEqual([]);
    expect(blockedHosts([hub, library, `${hub}tokenizer.json`], policy, page)).toEqual(['huggingface.co', 'raw.githubusercontent.com']);
  });

  it('lets through what the build allowed, by whole origins and by any name below one', () => {
    const policy = contentSecurityPolicy(['https://huggingface.co', 'https://*.hf.co', 'https://models.example.org:8443'], 'header');
    expect(blockedHosts([hub, 'https://cas-bridge.xethub.hf.co/x', 'https://models.example.org:8443/m/'], policy, page)).toEqual([]);
    for (const url of ['http://huggingface.co/x', 'https://hf.co/x', 'https://evilhf.co/x', 'https://models.example.org/m/']) {
      expect(blockedHosts([url], policy, page), url).toHaveLength(1);
    }
  });

  it('holds nothing back where no policy governs, as in development', () => {
    expect(blockedHosts([hub], undefined, page)).toEqual([]);
    expect(blockedHosts([hub], "script-src 'self'", page)).toEqual([]);
    expect(blockedHosts([hub], "default-src 'none'", page)).toEqual(['huggingface.co']);
  });
});

it('says in a sentence which host and who can change it', () => {
  expect(hostNotAllowed(['huggingface.co']).message).toContain('may not fetch from huggingface.co');
  expect(hostNotAllowed(['huggingface.co']).nextStep).toMatch(/Import.*TABLETALK_MODEL_HOSTS/);
});
