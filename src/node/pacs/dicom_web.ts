import { setTimeout as wait } from 'node:timers/promises';
import { check } from '../../base/checks';
import { CtMultilabelError } from '../../base/errors';
import { multipartOf, partsOf } from './multipart';

/** A study on a server. */
export interface FoundStudy {
  uid: string;
  /** NumberOfStudyRelatedInstances, if the server provides it. */
  instances: number | undefined;
}

/** A series of CT images on a server. */
export interface FoundSeries {
  uid: string;
  images: number;
}

/** Options of {@link DicomWeb}. */
export interface DicomWebOptions {
  /** Address of the service, e.g. `https://pacs.example/dicom-web`. */
  server: string;
  /** Returns the value of the Authorization header; called before each request, since tokens expire. */
  authorization?: (() => Promise<string>) | undefined;
  /** Called for each request that is retried. */
  onRetry?: (message: string) => void;
  /** Delay in milliseconds before the first retry, which is doubled for each further one. */
  firstWait?: number;
}

/** Most attempts per request. */
const TRIES = 6;

const FIRST_WAIT_MS = 1000;

/** Longest delay before a retry, whatever the server asks for. */
const MOST_WAIT_MS = 60_000;

/** Time limit of a request. */
const TIMEOUT_MS = 10 * 60_000;

/** Items requested per query. */
const PAGE = 100;

/** Most bytes of objects per request, unless a single object is larger. */
const STORE_BYTES = 8 * 2 ** 20;

/** Whether a request with this status may succeed if it is retried. */
const isPassing = (status: number) => status === 408 || status === 429 || status >= 500;

/** Status of a partial response. */
const PARTIAL = 206;

/** Failure reason of an object that already exists on the server (PS3.4, table GG.4-1). */
const DUPLICATE = 0x0111;

/** A response with an unexpected status. */
class StatusError extends CtMultilabelError {
  constructor(
    readonly status: number,
    readonly retryAfter: number | undefined,
  ) {
    super(`the server responded with status ${status}`);
  }
}

type DicomJson = Record<string, { Value?: unknown[] } | undefined>;

const first = (item: DicomJson, tag: string): unknown => item[tag]?.Value?.[0];

/** A count provided by a server; undefined if missing. */
function countOf(item: DicomJson, tag: string): number | undefined {
  const count = Number(first(item, tag) ?? NaN);
  return Number.isInteger(count) ? count : undefined;
}

/** Whether a value can be used in addresses and file names. */
const isUid = (value: unknown): value is string => typeof value === 'string' && /^[\d.]{1,64}$/.test(value);

/**
 * A DICOMweb server: finds studies (QIDO-RS), fetches series (WADO-RS), stores objects (STOW-RS).
 *
 * A request that fails temporarily (no connection, status 408, 429 or 5xx, a truncated response) is retried with
 * increasing delays. Messages contain addresses and UIDs, but no patient data from the server.
 */
export class DicomWeb {
  private readonly server: string;

  /** @throws ArgumentError for an invalid address, or one that would send the authorization without encryption. */
  constructor(private readonly options: DicomWebOptions) {
    const { server, authorization } = options;
    const url = URL.canParse(server) ? new URL(server) : undefined;
    const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
    check(isWeb, 'server', 'an address that begins with https:// or http://', server);
    const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(url!.hostname);
    const isSafe = url!.protocol === 'https:' || isLocal || authorization === undefined;
    check(isSafe, 'server', 'https:// if an authorization is sent', server);
    check(url!.username === '', 'server', 'an address without name and password', url!.host);
    this.server = server.replace(/\/+$/, '');
  }

  /** All studies with CT that a query finds, each once. */
  async *studies(query: URLSearchParams): AsyncGenerator<FoundStudy, void, undefined> {
    const asked = new URLSearchParams(query);
    asked.set('ModalitiesInStudy', 'CT');
    asked.set('includefield', '00201208');
    for await (const [uid, item] of this.items('/studies', asked, '0020000D')) {
      yield { uid, instances: countOf(item, '00201208') };
    }
  }

  /** The series of CT images of a study. */
  async series(study: string): Promise<FoundSeries[]> {
    const path = `/studies/${study}/series`;
    const asked = new URLSearchParams({ Modality: 'CT', includefield: '00201209' });
    const found: FoundSeries[] = [];
    for await (const [uid, item] of this.items(path, asked, '0020000E')) {
      // some servers do not filter
      if (first(item, '00080060') !== 'CT') continue;
      found.push({
        uid,
        images: countOf(item, '00201209') ?? (await this.count(`${path}/${uid}/instances`)),
      });
    }
    return found;
  }

  /** Number of images in a series, for servers that do not provide it, which is optional (PS3.18, 10.6.1.2). */
  private async count(path: string): Promise<number> {
    let images = 0;
    for await (const _ of this.items(path, new URLSearchParams(), '00080018')) images++;
    return images;
  }

  /** Results of a query with their UIDs, each once, page by page; a server may return fewer items than requested. */
  private async *items(
    path: string,
    query: URLSearchParams,
    tag: string,
  ): AsyncGenerator<[uid: string, item: DicomJson], void, undefined> {
    const seen = new Set<string>();
    for (let offset = 0; ;) {
      const page = new URLSearchParams(query);
      page.set('limit', String(PAGE));
      page.set('offset', String(offset));
      const items = await this.query(`${path}?${page}`);
      const fresh = items.filter((item) => !seen.has(String(first(item, tag))));
      // after the last page, or repeatedly if a server ignores offsets
      if (fresh.length === 0) return;
      for (const item of fresh) {
        const uid = first(item, tag);
        seen.add(String(uid));
        if (isUid(uid)) yield [uid, item];
      }
      offset += items.length;
    }
  }

  /**
   * Fetches a series, one file in memory at a time.
   *
   * @param begin - Called before the first file, and again if the response was truncated: discard the files received so
   * far.
   * @param take - Called with each file.
   */
  async fetchSeries(
    { study, series }: { study: string; series: string },
    begin: () => Promise<void>,
    take: (bytes: Uint8Array) => Promise<void>,
  ): Promise<void> {
    const accept = 'multipart/related; type="application/dicom"; transfer-syntax=*';
    await this.retried(`/studies/${study}/series/${series}`, async (path) => {
      await begin();
      const response = await this.request(path, { headers: { Accept: accept } });
      if (response.status === PARTIAL)
        throw new CtMultilabelError('the server returned only a part of the series');
      for await (const bytes of partsOf(response)) await take(bytes);
    });
  }

  /**
   * Stores objects of a study. Objects that already exist on the server count as stored.
   *
   * @throws CtMultilabelError for objects that the server refuses.
   */
  async store(study: string, objects: readonly Uint8Array[]): Promise<void> {
    const batches: Uint8Array[][] = [];
    let size = Infinity;
    for (const bytes of objects) {
      size += bytes.length;
      if (size > STORE_BYTES) {
        batches.push([]);
        size = bytes.length;
      }
      batches.at(-1)!.push(bytes);
    }
    for (const batch of batches) await this.retried(`/studies/${study}`, (path) => this.post(path, batch));
  }

  private async post(path: string, objects: readonly Uint8Array[]): Promise<void> {
    const { type, body } = multipartOf(objects);
    const headers = { 'Content-Type': type, Accept: 'application/dicom+json' };
    const response = await this.request(path, { method: 'POST', headers, body }, [409]);
    const text = await response.text();
    const answer = parsedJson(text) as DicomJson | undefined;
    const failed = (answer?.['00081198']?.Value ?? []) as DicomJson[];
    const refused = failed.map((item) => first(item, '00081197')).filter((reason) => reason !== DUPLICATE);
    if (refused.length === 0 && (response.status !== 409 || failed.length > 0)) return;
    const reason = refused.map((one) => `0x${Number(one).toString(16)}`)[0] ?? 'none given';
    throw new CtMultilabelError(`the server refused ${refused.length || 'some'} of ${objects.length} objects, reason ${reason}`);
  } // prettier-ignore

  private async query(path: string): Promise<DicomJson[]> {
    return this.retried(path, async () => {
      const response = await this.request(path, { headers: { Accept: 'application/dicom+json' } });
      const text = await response.text();
      const items = text === '' ? [] : parsedJson(text);
      if (!Array.isArray(items))
        throw new CtMultilabelError('expected a list as JSON, received something else');
      return items as DicomJson[];
    });
  }

  /** Sends one request; returns a response with status 200 to 299, or an allowed one. */
  private async request(path: string, init: RequestInit, allowed: readonly number[] = []): Promise<Response> {
    const headers = new Headers(init.headers);
    const authorization = await this.options.authorization?.();
    if (authorization !== undefined) headers.set('Authorization', authorization);
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(`${this.server}${path}`, { ...init, headers, signal });
    if (response.ok || allowed.includes(response.status)) return response;
    // its text may contain patient data, and is not read
    await response.body?.cancel();
    const seconds = Number(response.headers.get('Retry-After') ?? NaN);
    throw new StatusError(response.status, Number.isFinite(seconds) ? 1000 * seconds : undefined);
  }

  private async retried<T>(path: string, attempt: (path: string) => Promise<T>): Promise<T> {
    const { onRetry, firstWait = FIRST_WAIT_MS } = this.options;
    for (let tries = 1; ; tries++) {
      try {
        return await attempt(path);
      } catch (error) {
        const [place] = path.split('?');
        const what = `${place}: ${reasonOf(error)}`;
        if (!mayPass(error) || tries === TRIES) throw new CtMultilabelError(what, { cause: error });
        const asked = (error instanceof StatusError && error.retryAfter) || 0;
        const delay = Math.min(Math.max(firstWait * 2 ** (tries - 1), asked), MOST_WAIT_MS);
        onRetry?.(`${what}; retrying in ${(delay / 1000).toFixed(1)} s`);
        await wait(delay);
      }
    }
  }
}

/**
 * Whether a retry may help: for network errors and some status codes, but not for other errors of this library or of
 * the file system.
 */
const mayPass = (error: unknown): boolean =>
  error instanceof StatusError
    ? isPassing(error.status)
    : !(error instanceof CtMultilabelError) &&
      !String((error as NodeJS.ErrnoException).code ?? '').startsWith('E');

/** The message of an error with that of its cause, where fetch puts the details. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message !== '' ? `${message} (${cause.message})` : message;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
