// The shapes of docs/api.md.

export type MediaStatus = 'pending' | 'processing' | 'completed' | 'failed';

export interface Reason {
  code: string;
  message: string;
}

export interface Media {
  id: string;
  filename: string;
  format: string;
  mime_type: string;
  bytes: number;
  width: number | null;
  height: number | null;
  status: MediaStatus;
  error: Reason | null;
  note: string;
  face_count: number;
  origin: string;
  created_at: string;
  analysed_at: string | null;
}

export interface Box {
  normalized: { left: number; top: number; width: number; height: number };
}

export interface Quality {
  score: number;
  reasons: string[];
}

export interface Face {
  id: string;
  media_id: string;
  box: Box;
  score: number;
  quality: Quality | null;
  age: number | null;
  gender: string | null;
}

export interface Page<Item> {
  items: Item[];
  next_cursor: string | null;
}

export type MatchLevel = 'match' | 'likely' | 'weak';

export interface Hit {
  face: Face;
  media: Media;
  cosine: number;
  match: MatchLevel;
}

export interface QueryFace {
  index: number;
  box: Box;
  score: number;
  quality: Quality | null;
  searched: boolean;
}

export interface SearchAnswer {
  query: { width: number | null; height: number | null; faces: QueryFace[] };
  results: Hit[];
  thresholds: { match: number; likely: number; used: number };
  searched_faces: number;
  timings_ms: { total: number };
}

export interface Stats {
  media: { total: number; pending: number; processing: number; completed: number; failed: number };
  faces: number;
  index: { faces: number; bytes: number; engine: string };
  tasks: Record<string, number>;
  storage: { original_bytes: number };
  model: { pack: string; licence: string; match_threshold: number; likely_threshold: number };
  version: string;
}

export interface Health {
  status: 'healthy' | 'unhealthy';
  checks: Record<string, { ok: boolean; ms: number; detail: string }>;
  version: string;
}

export interface UploadAnswer {
  accepted: { media: Media; duplicate: boolean }[];
  rejected: { filename: string; error: Reason }[];
}
