import type { Table } from '.';

export const docs = {
  'docs.title': ['HTTP API', 'HTTP-API'],
  'docs.contents': ['Contents', 'Inhalt'],
  'docs.parameters': ['Parameters', 'Parameter'],
  'docs.body': ['Body', 'Inhalt'],
  'docs.answers': ['Answers', 'Antworten'],
  'docs.else': ['else', 'sonst'],
  'docs.required': ['required', 'nötig'],
  'docs.default': ['default', 'Standard'],
  'docs.errors': ['Error codes', 'Fehlercodes'],
  'docs.schemas': ['Types', 'Typen'],
} as const satisfies Table;
