/** Common first and last names, combined at random: nobody in particular. */
export const FIRST_NAMES: readonly string[] =
  `Ada Adam Alice Amara Anna Anton Aisha Ben Bruno Carla Chloe Clara Daniel David Elena Elias Ella Emil Emma Erik Eva Fatima Felix Finn Frida
  Gabriel Grace Greta Hannah Hassan Hugo Ida Ines Ivan Jacob Jana Jonas Josef Julia Karim Katie Kira Lara Laura Lena Leo Liam Lina Louis Lucas
  Lucy Maja Marco Maria Marta Mateo Max Maya Mia Milan Mira Naomi Nadia Nils Nina Noah Nora Oliver Olivia Omar Oscar Paula Peter Pia Rania Rosa
  Ruth Sam Sara Selma Simon Sofia Stella Tariq Theo Thomas Tim Tom Valerie Vera Victor Wanda Yara Yusuf Zoe`.split(/\s+/);

export const LAST_NAMES: readonly string[] =
  `Abbott Adler Alvarez Andersen Archer Baker Barnes Becker Bennett Berger Blake Brandt Brooks Carter Castillo Chen Cole Costa Cruz Dahl Diaz
  Dixon Dubois Eriksen Evans Falk Farah Fischer Fletcher Fontaine Foster Garcia Gomez Grant Gray Haas Hansen Hart Hayes Hoffman Holm Howard Hughes
  Ibrahim Ivanov Jansen Jensen Kaya Keller Khan Kim Klein Knight Kovac Kramer Larsen Laurent Lehmann Lopez Lund Maier Marsh Martin Meyer Miller
  Morgan Moreau Murphy Nakamura Nguyen Nilsson Novak Okafor Olsen Ortiz Osman Palmer Park Patel Perez Peters Petrov Pohl Quinn Ramos Reid Reyes
  Rossi Roth Russo Santos Sato Schmidt Shah Silva Singh Stone Suzuki Svensson Tanaka Turner Vargas Vogel Wagner Walker Ward Weber West Winter Wolf
  Wright Yilmaz Young Zimmer`.split(/\s+/);
