import js from '@eslint/js';
import hooks from 'eslint-plugin-react-hooks';
import ts from 'typescript-eslint';

const scriptGlobals = Object.fromEntries(
  'process console Buffer URL fetch FormData Blob document window navigator performance requestAnimationFrame setTimeout AbortController TextDecoderStream'
    .split(' ')
    .map((name) => [name, 'readonly']),
);

export default ts.config(
  { ignores: ['dist', 'node_modules', 'src/api/schema.gen.d.ts'] },
  js.configs.recommended,
  ...ts.configs.strict,
  hooks.configs.flat['recommended-latest'],
  {
    rules: {
      eqeqeq: 'error',
      'react-hooks/incompatible-library': 'off', // of a compiler that is not in use
      // File names are text: nothing on this page is ever set as HTML.
      'no-restricted-syntax': [
        'error',
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: 'text only' },
      ],
    },
  },
  { files: ['**/*.mjs'], languageOptions: { globals: scriptGlobals } },
);
