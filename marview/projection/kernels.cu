// Forward projection, backprojection and their transposes on a GPU, compiled at run time (no include, no driver needed).
//
// Four slices lie side by side: a packed image is [group][y + 2 PAD][x + 2 PAD][4] with an empty border, a packed sinogram
// [group][view][bin][4]. A thread works out its weights once for four slices, neighbouring threads load neighbouring
// quadruples, and every kernel only gathers: no two threads write to the same place.

#define PAD 2
#define PARALLEL 0
#define FLAT 1

#ifdef HALF_STORAGE
struct __align__(8) Quad { unsigned short a, b, c, d; };
__device__ __forceinline__ float widen(unsigned short h) {
    float f;
    asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h));
    return f;
}
__device__ __forceinline__ unsigned short narrow(float f) {
    unsigned short h;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(f));
    return h;
}
#else
struct __align__(16) Quad { float a, b, c, d; };
__device__ __forceinline__ float widen(float f) { return f; }
__device__ __forceinline__ float narrow(float f) { return f; }
#endif

struct Sum { float a, b, c, d; };

__device__ __forceinline__ void add(Sum &sum, const Quad &value, float weight) {
    sum.a += weight * widen(value.a);
    sum.b += weight * widen(value.b);
    sum.c += weight * widen(value.c);
    sum.d += weight * widen(value.d);
}

__device__ __forceinline__ Quad quad(const Sum &sum, float weight) {
    Quad value;
    value.a = narrow(sum.a * weight);
    value.b = narrow(sum.b * weight);
    value.c = narrow(sum.c * weight);
    value.d = narrow(sum.d * weight);
    return value;
}

struct Beam { int kind; float distance, scale, middle, pixel; };

// Bin on which a point in mm falls in a view, and the distance weight there.
__device__ __forceinline__ float locate(const Beam &beam, float cosine, float sine, float x, float y, float &weight) {
    float along = x * cosine + y * sine, depth = beam.distance - x * sine + y * cosine;
    if (beam.kind == PARALLEL) {
        weight = 1.0f;
        return along * beam.scale + beam.middle;
    }
    if (beam.kind == FLAT) {
        float inverse = beam.distance / depth;
        weight = inverse * inverse;
        return along * inverse * beam.scale + beam.middle;
    }
    weight = beam.distance * beam.distance / (along * along + depth * depth);
    return atanf(along / depth) * beam.scale + beam.middle;
}

// [slice][row][column] -> [group][row + 2 border][column + 2 border][4]
extern "C" __global__ void pack(const float *__restrict__ given, Quad *packed, int slices, int rows, int columns,
                                int border_rows, int border_columns) {
    int column = blockIdx.x * blockDim.x + threadIdx.x - border_columns;
    int row = (int)blockIdx.y - border_rows, group = blockIdx.z;
    if (column >= columns + border_columns) return;
    Sum sum = {0.0f, 0.0f, 0.0f, 0.0f};
    if (row >= 0 && row < rows && column >= 0 && column < columns) {
        size_t plane = (size_t)rows * columns, at = (size_t)group * 4 * plane + (size_t)row * columns + column;
        int left = slices - group * 4;
        sum.a = given[at];
        if (left > 1) sum.b = given[at + plane];
        if (left > 2) sum.c = given[at + 2 * plane];
        if (left > 3) sum.d = given[at + 3 * plane];
    }
    size_t stride = columns + 2 * border_columns;
    packed[((size_t)group * (rows + 2 * border_rows) + row + border_rows) * stride + column + border_columns] =
        quad(sum, 1.0f);
}

// The inverse of pack.
extern "C" __global__ void unpack(const Quad *__restrict__ packed, float *result, int slices, int rows,
                                  int columns, int border_rows, int border_columns) {
    int column = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y, group = blockIdx.z;
    if (column >= columns) return;
    size_t stride = columns + 2 * border_columns;
    Quad value = packed[((size_t)group * (rows + 2 * border_rows) + row + border_rows) * stride + column + border_columns];
    size_t plane = (size_t)rows * columns, at = (size_t)group * 4 * plane + (size_t)row * columns + column;
    int left = slices - group * 4;
    result[at] = widen(value.a);
    if (left > 1) result[at + plane] = widen(value.b);
    if (left > 2) result[at + 2 * plane] = widen(value.c);
    if (left > 3) result[at + 3 * plane] = widen(value.d);
}

// Joseph's forward projection: a thread is a ray.
extern "C" __global__ void project(const Quad *__restrict__ image, Quad *sinogram,
                                   const unsigned char *__restrict__ by_column, const float *__restrict__ place,
                                   const float *__restrict__ slope, const float *__restrict__ length,
                                   const int *__restrict__ first, const int *__restrict__ last, int height, int width,
                                   int views, int bins) {
    int bin = blockIdx.x * blockDim.x + threadIdx.x, view = blockIdx.y, group = blockIdx.z;
    if (bin >= bins) return;
    int ray = view * bins + bin, row = width + 2 * PAD;
    bool columns = by_column[ray];
    int along = columns ? 1 : row, aside = columns ? row : 1;
    const Quad *here = image + (size_t)group * (height + 2 * PAD) * row;
    float where = place[ray] + PAD, lean = slope[ray];
    Sum sum = {0.0f, 0.0f, 0.0f, 0.0f};
    for (int step = first[ray]; step < last[ray]; ++step) {
        float at = where + lean * step;
        int low = (int)at;
        float part = at - low;
        const Quad *pixel = here + (step + PAD) * along + low * aside;
        add(sum, pixel[0], 1.0f - part);
        add(sum, pixel[aside], part);
    }
    sinogram[((size_t)group * views + view) * bins + bin] = quad(sum, length[ray]);
}

// The transpose of project: a thread is a pixel and looks at the few bins that can see it.
extern "C" __global__ void spread(const Quad *__restrict__ sinogram, Quad *image,
                                  const unsigned char *__restrict__ by_column, const float *__restrict__ place,
                                  const float *__restrict__ slope, const float *__restrict__ length,
                                  const float *__restrict__ cosine, const float *__restrict__ sine, int kind,
                                  float distance, float scale, float middle, float millimetres, float reach, int height,
                                  int width, int views, int bins) {
    int column = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y * blockDim.y + threadIdx.y, group = blockIdx.z;
    if (column >= width || row >= height) return;
    Beam beam = {kind, distance, scale, middle, millimetres};
    float x = (column - 0.5f * (width - 1)) * millimetres, y = (row - 0.5f * (height - 1)) * millimetres;
    Sum sum = {0.0f, 0.0f, 0.0f, 0.0f};
    for (int view = 0; view < views; ++view) {
        float unused, at = locate(beam, cosine[view], sine[view], x, y, unused);
        int from = max(0, (int)ceilf(at - reach)), to = min(bins - 1, (int)floorf(at + reach));
        const Quad *seen = sinogram + ((size_t)group * views + view) * bins;
        for (int bin = from; bin <= to; ++bin) {
            int ray = view * bins + bin;
            bool columns = by_column[ray];
            float off = fabsf(place[ray] + slope[ray] * (columns ? column : row) - (columns ? row : column));
            if (off < 1.0f) add(sum, seen[bin], (1.0f - off) * length[ray]);
        }
    }
    image[((size_t)group * (height + 2 * PAD) + row + PAD) * (width + 2 * PAD) + column + PAD] = quad(sum, 1.0f);
}

// Pixel-driven backprojection of a sinogram with an empty bin at both ends of a view: a thread is a pixel.
extern "C" __global__ void gather(const Quad *__restrict__ sinogram, Quad *image, const float *__restrict__ cosine,
                                  const float *__restrict__ sine, int kind, float distance, float scale, float middle,
                                  float millimetres, int height, int width, int views, int bins) {
    int column = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y * blockDim.y + threadIdx.y, group = blockIdx.z;
    if (column >= width || row >= height) return;
    Beam beam = {kind, distance, scale, middle + 1.0f, millimetres};
    float x = (column - 0.5f * (width - 1)) * millimetres, y = (row - 0.5f * (height - 1)) * millimetres;
    Sum sum = {0.0f, 0.0f, 0.0f, 0.0f};
    for (int view = 0; view < views; ++view) {
        float weight, at = locate(beam, cosine[view], sine[view], x, y, weight);
        if (!(at > 0.0f && at < bins + 1)) continue;
        int low = (int)at;
        float upper = weight * (at - low);
        const Quad *seen = sinogram + ((size_t)group * views + view) * (bins + 2) + low;
        add(sum, seen[0], weight - upper);
        add(sum, seen[1], upper);
    }
    image[((size_t)group * (height + 2 * PAD) + row + PAD) * (width + 2 * PAD) + column + PAD] = quad(sum, 1.0f);
}

// The transpose of gather: a thread is a bin, walks along its ray and looks at the few pixels that fall on it.
extern "C" __global__ void scatter(const Quad *__restrict__ image, Quad *sinogram,
                                   const unsigned char *__restrict__ by_column, const float *__restrict__ place,
                                   const float *__restrict__ slope, const float *__restrict__ cosine,
                                   const float *__restrict__ sine, int kind, float distance, float scale, float middle,
                                   float millimetres, float reach, int height, int width, int views, int bins) {
    int bin = blockIdx.x * blockDim.x + threadIdx.x, view = blockIdx.y, group = blockIdx.z;
    if (bin >= bins) return;
    Beam beam = {kind, distance, scale, middle, millimetres};
    int ray = view * bins + bin, stride = width + 2 * PAD;
    bool columns = by_column[ray];
    int steps = columns ? width : height, across = columns ? height : width;
    float c = cosine[view], s = sine[view];
    const Quad *here = image + (size_t)group * (height + 2 * PAD) * stride;
    Sum sum = {0.0f, 0.0f, 0.0f, 0.0f};
    for (int step = 0; step < steps; ++step) {
        float centre = place[ray] + slope[ray] * step;
        int from = max(0, (int)ceilf(centre - reach)), to = min(across - 1, (int)floorf(centre + reach));
        for (int other = from; other <= to; ++other) {
            int column = columns ? step : other, row = columns ? other : step;
            float x = (column - 0.5f * (width - 1)) * millimetres, y = (row - 0.5f * (height - 1)) * millimetres;
            float weight, off = fabsf(locate(beam, c, s, x, y, weight) - bin);
            if (off < 1.0f) add(sum, here[(row + PAD) * stride + column + PAD], (1.0f - off) * weight);
        }
    }
    sinogram[((size_t)group * views + view) * (bins + 2) + bin + 1] = quad(sum, 1.0f);
}
