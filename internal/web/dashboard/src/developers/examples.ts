// The files of docs/examples/verify. They are assets of the page, so that each is loaded only when it is shown and is the one of the documentation.
import csharp from '../../../../../docs/examples/verify/csharp/Webhook.cs?url';
import go from '../../../../../docs/examples/verify/go/verify.go?url';
import java from '../../../../../docs/examples/verify/java/Verify.java?url';
import node from '../../../../../docs/examples/verify/node/verify.mjs?url';
import php from '../../../../../docs/examples/verify/php/verify.php?url';
import python from '../../../../../docs/examples/verify/python/verify.py?url';
import ruby from '../../../../../docs/examples/verify/ruby/verify.rb?url';
import sha256 from '../../../../../docs/examples/verify/rust/sha256.rs?url';
import rust from '../../../../../docs/examples/verify/rust/verify.rs?url';

export const LANGUAGES = {
  go: 'Go',
  node: 'Node.js',
  python: 'Python',
  ruby: 'Ruby',
  php: 'PHP',
  java: 'Java',
  csharp: 'C#',
  rust: 'Rust',
} as const;

export type Language = keyof typeof LANGUAGES;

interface Example {
  files: readonly { name: string; url: string }[];
  /** Whether it verifies v1 only. */
  isOnlyHMAC?: true;
}

export const EXAMPLES: Record<Language, Example> = {
  go: { files: [{ name: 'verify.go', url: go }] },
  node: { files: [{ name: 'verify.mjs', url: node }] },
  python: { files: [{ name: 'verify.py', url: python }], isOnlyHMAC: true },
  ruby: { files: [{ name: 'verify.rb', url: ruby }] },
  php: { files: [{ name: 'verify.php', url: php }] },
  java: { files: [{ name: 'Verify.java', url: java }] },
  csharp: { files: [{ name: 'Webhook.cs', url: csharp }], isOnlyHMAC: true },
  rust: {
    files: [
      { name: 'verify.rs', url: rust },
      { name: 'sha256.rs', url: sha256 },
    ],
    isOnlyHMAC: true,
  },
};
