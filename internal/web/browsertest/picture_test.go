package browsertest

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"testing"
)

// A picture keeps its size and its frequent colours exactly, and becomes smaller; of many colours the rare ones become near ones.
func TestSmallPictures(t *testing.T) {
	from := image.NewRGBA(image.Rect(0, 0, 640, 400))
	paper, ink := color.RGBA{245, 247, 250, 255}, color.RGBA{26, 34, 51, 255}
	random := rand.New(rand.NewPCG(1, 2))
	for y := range 400 {
		for x := range 640 {
			c := paper
			switch {
			case y%20 < 8 && random.IntN(2) == 0:
				c = ink
			case y%20 == 8: // the edges of letters, in more shades than a palette has
				c = color.RGBA{uint8(x), uint8(x), uint8(x + y), 255}
			}
			from.SetRGBA(x, y, c)
		}
	}
	var large bytes.Buffer
	if err := png.Encode(&large, from); err != nil {
		t.Fatal(err)
	}
	got, err := small(large.Bytes())
	if err != nil || len(got) >= large.Len() {
		t.Fatalf("%d of %d bytes, %v", len(got), large.Len(), err)
	}
	to, err := png.Decode(bytes.NewReader(got))
	if err != nil || to.Bounds() != from.Bounds() {
		t.Fatalf("%v, %v", to.Bounds(), err)
	}
	for y := range 400 {
		for x := range 640 {
			want, is := from.RGBAAt(x, y), color.RGBAModel.Convert(to.At(x, y)).(color.RGBA)
			if (want == paper || want == ink) && is != want {
				t.Fatalf("at %d, %d it is %v, not %v", x, y, is, want)
			}
		}
	}
	if _, err := small([]byte("no picture")); err == nil {
		t.Error("a text is a picture")
	}
}
