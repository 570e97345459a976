package browsertest

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"slices"
)

// colours is how many a picture in a palette can have.
const colours = 256

// small encodes a PNG again, in a palette of its most frequent colours, so that pictures in the documentation are small. A page has few colours; of
// those that are left out, most are shades at the edges of letters, and become the nearest that is there. A large one stays as it is if that is smaller.
func small(large []byte) ([]byte, error) {
	decoded, err := png.Decode(bytes.NewReader(large))
	if err != nil {
		return nil, err
	}
	from := image.NewRGBA(decoded.Bounds())
	draw.Draw(from, from.Bounds(), decoded, decoded.Bounds().Min, draw.Src)
	count := map[color.RGBA]int{}
	for i := 0; i < len(from.Pix); i += 4 {
		count[color.RGBA{from.Pix[i], from.Pix[i+1], from.Pix[i+2], from.Pix[i+3]}]++
	}
	all := make([]color.RGBA, 0, len(count))
	for c := range count {
		all = append(all, c)
	}
	number := func(c color.RGBA) int { return int(c.R)<<24 | int(c.G)<<16 | int(c.B)<<8 | int(c.A) }
	slices.SortFunc(all, func(a, b color.RGBA) int { return cmp.Or(count[b]-count[a], number(a)-number(b)) })
	palette := color.Palette{}
	for _, c := range all[:min(len(all), colours)] {
		palette = append(palette, c)
	}
	index := map[color.RGBA]uint8{}
	for _, c := range all {
		index[c] = uint8(palette.Index(c))
	}
	to := image.NewPaletted(from.Bounds(), palette)
	for i := range to.Pix {
		to.Pix[i] = index[color.RGBA{from.Pix[4*i], from.Pix[4*i+1], from.Pix[4*i+2], from.Pix[4*i+3]}]
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to); err != nil {
		return nil, err
	}
	if out.Len() > len(large) {
		return large, nil
	}
	return out.Bytes(), nil
}
