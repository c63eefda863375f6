// The name of a model.

/** As in `ct-multilabel predict --dicom-out`: a variant by its published name, with another backbone in place of VGG16. */
export function builtFrom({ variant, backbone }: Record<string, unknown>): string {
  const known = typeof backbone === 'string' ? backbone : undefined;
  if (typeof variant !== 'string') return known ?? 'a model';
  return known === undefined || known === 'vgg16' ? variant : variant.replace(/^VGG16/, known);
}
